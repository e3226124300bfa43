"""What the Snakefile knows: sheet, variants, tables, settings and code as params; its launcher.

The modules here need the standard library, yaml and jsonschema, so that a dry run loads no torch.
"""
