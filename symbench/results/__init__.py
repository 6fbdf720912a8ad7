"""Records -> numbers -> text: statistics, leaderboards, reports."""
