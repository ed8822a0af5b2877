"""The modules behind the names of :mod:`pytc`, which is what users import. The command line imports none of them."""
