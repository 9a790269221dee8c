"""Records as papers: PDF files that a coordinator can read, file and sign."""
