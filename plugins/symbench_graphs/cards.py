"""What is registered, without importing it."""

TASKS = (
    ("csl:CSL", "csl", "cross-entropy", 0.05, "class of a circular skip link graph on 41 nodes"),
    ("brec:BREC", "brec", "none", 0.0, "400 pairs of graphs that 1-WL cannot tell apart"),
    ("mini:BRECMini", "brec-mini", "none", 0.0, "30 generated pairs that 1-WL cannot tell apart"),
    ("ladder:WLLadder", "wl-ladder", "none", 0.0, "CFI pairs that need ever more of k-WL"),
    (
        "counting:ErdosRenyiCount",
        "substructure-count-er",
        "mse",
        0.01,
        "five substructure counts of random graphs G(10, 0.3)",
    ),
    (
        "counting:RegularCount",
        "substructure-count-regular",
        "mse",
        0.01,
        "five substructure counts of regular graphs that lost some edges",
    ),
    (
        "hamiltonian:HamiltonianLength",
        "hamiltonian-length",
        "mse",
        0.1,
        "length of the shortest Hamiltonian path of a weighted complete graph",
    ),
    (
        "hamiltonian:HamiltonianPath",
        "hamiltonian-path",
        "mse",
        0.2,
        "edges of the shortest Hamiltonian path of a weighted complete graph",
    ),
    ("maxcut:MaxCut", "max-cut", "own", 0.05, "largest cut of a random 3-regular graph"),
    ("community:Community", "community", "own", 0.2, "the two blocks of a stochastic block model"),
    (
        "matching:GraphMatching",
        "graph-matching",
        "own",
        0.2,
        "which node of a noisy, relabelled copy is which",
    ),
)
METRICS = (
    ("structural:Structural", "pairs_structural", "pairs told apart by the untrained network"),
    ("paired:Trained", "pairs_trained", "pairs told apart by networks trained on each of them"),
    ("structural:Classes", "classes_structural", "classes told apart by the untrained network"),
    ("counting:CountError", "count_error", "mean square error of each count in its variance"),
    ("hamiltonian:PathF1", "path_f1", "F1 of the edges of the decoded path"),
    ("hamiltonian:PathGap", "path_gap", "excess length of the decoded path"),
    ("hamiltonian:LengthError", "length_error", "mean relative error of the predicted length"),
)
LOWER_IS_BETTER = ("count_error", "path_gap", "length_error")
