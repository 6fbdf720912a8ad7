"""Published results: the submission file, its reader, and a publication as a source of records."""
