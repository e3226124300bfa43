"""What the Snakefile knows: sheet, variants, tables, code inputs.

The modules here need the standard library, yaml and jsonschema, so that a dry run loads no torch.
"""
