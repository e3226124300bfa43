"""What the Snakefile knows: sheet, variants, code inputs. It imports no torch."""
