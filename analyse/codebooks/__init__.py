"""The codebooks that ship, as TOML files."""
