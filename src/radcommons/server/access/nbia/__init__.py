"""The programming interface of NBIA, the software of TCIA, over what is published here."""
