"""Records of cells: the document, and the store that holds them."""
