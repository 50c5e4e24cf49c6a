"""The hub of pretrained weights: whether it answers, and what of it this machine has already."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

WAIT = 2.5  # seconds for an answer
FILES = ("model.safetensors", "pytorch_model.bin")


def cached_weights(config: Mapping[str, Any]) -> str | None:
    """The file of a network's weights that an earlier download left on this machine; None where there is none.

    Args:
        config: timm's ``pretrained_cfg`` of the network.
    """
    from huggingface_hub import try_to_load_from_cache

    repository: str = config.get("hf_hub_id") or ""
    for name in FILES if repository else ():
        file = try_to_load_from_cache(repository, name)
        if isinstance(file, str):
            return file
    return None


def hub_answers(config: Mapping[str, Any], wait: float = WAIT) -> bool:
    """Whether the hub answers a question for a network's weights in time; what it answers is another matter.

    A name server or a proxy that keeps silent counts as no answer.

    Args:
        config: timm's ``pretrained_cfg`` of the network.
        wait: seconds.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    repository, answered = config.get("hf_hub_id"), threading.Event()
    if not repository:
        return True  # its weights lie elsewhere: timm asks there

    def ask() -> None:
        try:
            get_hf_file_metadata(hf_hub_url(repository, FILES[0]), timeout=wait)
        except HfHubHTTPError as error:
            if error.response is None:
                return
        except Exception:  # of several libraries: no route, no name, offline by the environment
            return
        answered.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(wait)
    return answered.is_set()
