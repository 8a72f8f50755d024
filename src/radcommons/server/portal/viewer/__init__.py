"""Looking at images: the reading page, the OHIF viewer's installation and its serving."""
