"""The checks of an audit; `registry` lists them."""
