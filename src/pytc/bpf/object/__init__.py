"""An ELF file as a specification; needs no kernel."""
