#!/usr/bin/env python
"""Average the weights of a run with those that it went on from (Wortsman et al., Model soups, 2022).

    python training/average.py RUN WEIGHTS.safetensors SHARE OUT

Writes OUT, a copy of RUN whose weights hold SHARE of the other ones.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file


def main() -> None:
    """Average and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("share", type=float)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    own, other = load_file(options.run / "model.safetensors"), load_file(options.weights)
    mean = {
        name: (1 - options.share) * value + options.share * other[name].to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in own.items()
    }
    shutil.copytree(options.run, options.out, ignore=shutil.ignore_patterns("bundle"))
    save_file(mean, options.out / "model.safetensors")


if __name__ == "__main__":
    main()
