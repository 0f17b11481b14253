"""How is text written: escaped, spelled, explained, and as tables in files?"""
