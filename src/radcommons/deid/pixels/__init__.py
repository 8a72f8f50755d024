"""Writing and faces in pixels: finding them, blackening them, looking again."""
