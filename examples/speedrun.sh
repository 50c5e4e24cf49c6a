#!/usr/bin/env bash
# The whole path, from nothing to a bundle that answers, with a reason above each line.
# TELLAPART_SMALL=1 walks it in a minute or two with too little data to be any good.
set -euo pipefail

if [ "${TELLAPART_SMALL:-}" ]; then n=300 epochs=2; else n=4000 epochs=14; fi
mkdir -p speedrun && cd speedrun

# CAPTCHAs of a scheme of our own, because what may be trained on is data that one owns.
[ -d data ] || tellapart generate --scheme plain --n "$n" --seed 0 --out data --grid samples.png

# What is wrong with it? Every image is looked at once; the page shows copies, odd ones, the alphabet and the lengths.
tellapart audit data --task read --no-pretrained --out audit --report audit.html

# One row an image, and whether it stays: a decision that can be undone, never a deletion.
tellapart clean data --task read --no-pretrained --audit audit --out clean.parquet

# Who trains, who chooses, who judges. Near-copies stay on one side, so the score cannot flatter.
tellapart split clean.parquet --out split.parquet --seed 0

# Train, choose the best epoch on val, pack as ONNX, compare with the trained model, score once on test.
# The same command again goes on where a stopped one left off.
tellapart train split.parquet --task read --epochs "$epochs" --out run

# The figures again, from the bundle alone, each with its 95 % interval.
tellapart evaluate run split.parquet --split test --out report.json

# Fresh images from another seed: nothing has seen them.
[ -d fresh ] || tellapart generate --scheme plain --n 8 --seed 1 --out fresh

# Answers with a confidence a character; no torch is loaded.
tellapart predict run fresh/images
