"""What the benchmarks beside fastai share: its loaders over one of our catalogs, and its answers for the test part."""

from __future__ import annotations

from typing import Any

from tellapart.data.catalog import Catalog


def loaders(catalog: Catalog, size: int, batch: int, **augmentation: Any) -> Any:
    """The train part, as an epoch shows it, and the val part as fastai's ``DataLoaders``, with its own augmentation."""
    from fastai.vision.all import CategoryBlock, DataBlock, ImageBlock, Resize, aug_transforms

    files, labels = catalog.column("file"), catalog.column("label")
    train, val = catalog.training_rows(), catalog.rows("val")
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_items=lambda _: [*train, *val],
        get_x=lambda row: catalog.root / files[row],
        get_y=lambda row: labels[row],
        splitter=lambda rows: (list(range(len(train))), list(range(len(train), len(rows)))),
        item_tfms=Resize(size),
        batch_tfms=aug_transforms(**augmentation),
    )
    return block.dataloaders(None, bs=batch, num_workers=0)


def test_answers(learner: Any, catalog: Catalog) -> tuple[list[str], list[str]]:
    """True and answered labels of the test part."""
    rows, names = catalog.rows("test"), list(learner.dls.vocab)
    with learner.no_bar():
        best = learner.get_preds(dl=learner.dls.test_dl(rows))[0].argmax(dim=1)
    return [catalog.column("label")[row] for row in rows], [names[int(answer)] for answer in best]
