"""The page itself: what stands on it, and what happens when it is used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from tellapart.core.errors import TellapartError
from tellapart.core.image_io import SUFFIXES
from tellapart.inference.known_labels import UnknownLabelError
from tellapart.serving.feedback_store import StoreFullError
from tellapart.serving.ui import rendering
from tellapart.serving.ui.backends import Backend

_BUTTONS: list[Any] = ["fullscreen", "download"]  # by default also one that shares with a site elsewhere
_FONTS = ["system-ui", "sans-serif"]  # the visitor's own: none is fetched
LOOK: dict[str, Any] = {"theme": gr.themes.Soft(font=_FONTS, font_mono=["ui-monospace", "monospace"]),
                        "css": rendering.STYLE}  # fmt: skip


def build_page(answering: Backend) -> gr.Blocks:
    """The page of one model."""
    page: gr.Blocks
    known = answering.known
    with gr.Blocks(title=f"{answering.name} · tellapart", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        what = {"read": "reads text", "tag": "says which tags a picture has"}.get(answering.task, "tells classes apart")
        gr.Markdown(f"# {_plain(answering.name)}\n{what}; pictures go to {_plain(answering.where)}, and no further")
        gr.HTML(rendering.render_choices(known), visible="hidden")
        with gr.Tab("One picture"):
            _one(answering)
        with gr.Tab("Several"):
            _several(answering)
        with gr.Tab("Camera"):
            _camera(answering)
        page.load(None, js=rendering.SCRIPT)
    page.queue(max_size=64)
    return page


def _one(answering: Backend) -> None:
    asked = gr.State(("", ""))  # the file that was answered, and its answer
    doubted = gr.State("")  # the correction that the model cannot answer, and that was not kept yet
    with gr.Row():
        with gr.Column():
            picture = gr.Image(
                sources=["upload", "clipboard", "webcam"], type="filepath", image_mode=None, label="Picture",
                buttons=_BUTTONS, elem_id="picture", height=340,
            )  # fmt: skip
            picture.preprocess = _path  # type: ignore[method-assign]
        with gr.Column():
            empty = rendering.render_empty() + rendering.render_known(answering.known)
            answer = gr.HTML(empty, elem_id="answer")
            with gr.Row():
                right = gr.Textbox(
                    label="Wrong? The right answer is", max_lines=1, max_length=100, elem_id="right", scale=3
                )
                wrong = gr.Button("Keep it for the next training", elem_id="wrong", scale=2)
            told = gr.Markdown(elem_id="told")
            where = gr.Button("Where did it look?", visible=answering.explain is not None, elem_id="where")
            saliency = gr.Image(
                label="What the answer hangs on", visible=False, interactive=False, elem_id="saliency", buttons=_BUTTONS
            )

    def ask(file: str | None) -> tuple[str, tuple[str, str], str, Any, str, str]:
        if not file:
            return empty, ("", ""), "", gr.Image(visible=False), "", ""
        (prediction,) = _answers(answering, [file])
        usable = (file, prediction.answer) if prediction.error is None else ("", "")
        return rendering.render_answer(prediction), usable, "", gr.Image(visible=False), "", ""

    def keep(state: tuple[str, str], said: str, again: str) -> tuple[str, str, str]:
        file, before = state
        right = said.strip()
        if not file:
            return "Give a picture first.", said, ""
        if not right or not right.isprintable():
            return "Write what the right answer is.", said, ""
        try:
            answering.correct(file, right, before, new_label=right == again)
        except UnknownLabelError as error:
            return f"{_plain(str(error))}. If it is right all the same, keep it once more.", said, right
        except (TellapartError, StoreFullError, OSError):
            return "Not kept: there is no room, or nobody answers. Tell whoever runs this page.", said, ""
        return f"Kept as **{_plain(right)}**. Thank you.", "", ""

    def look(state: tuple[str, str]) -> tuple[Any, str]:
        if not state[0] or answering.explain is None:
            return gr.Image(visible=False), "Give a picture first."
        try:
            picture, convincing = answering.explain(state[0])
        except TellapartError:
            return gr.Image(visible=False), "This answer cannot be explained."
        note = "" if convincing else "The check by deletion does not bear this picture out: do not believe it."
        return gr.Image(picture, visible=True), note

    picture.change(ask, picture, [answer, asked, told, saliency, right, doubted], show_progress="minimal")
    right.submit(keep, [asked, right, doubted], [told, right, doubted])
    wrong.click(keep, [asked, right, doubted], [told, right, doubted])
    where.click(look, asked, [saliency, told])


def _several(answering: Backend) -> None:
    table = gr.HTML(visible=False, elem_id="table")  # the answers first, what was given below them
    gallery = gr.Gallery(
        label="Answers as pictures", columns=4, elem_id="gallery", interactive=False, visible=False,
        object_fit="contain", buttons=["fullscreen"],
    )  # fmt: skip
    files = gr.File(
        file_count="multiple", file_types=list(SUFFIXES), label="Pictures", elem_id="files", type="filepath"
    )

    def ask(given: list[str] | None) -> tuple[Any, Any]:
        if not given:
            return gr.Gallery(visible=False), gr.HTML(visible=False)
        predictions = _answers(answering, list(given))
        rows = [(Path(file).name, each) for file, each in zip(given, predictions, strict=True)]
        shown = [
            (file, rendering.caption(each)) for file, (_, each) in zip(given, rows, strict=True) if each.error is None
        ]
        return gr.Gallery(shown, visible=bool(shown)), gr.HTML(rendering.render_table(rows), visible=True)

    files.change(ask, files, [gallery, table])


def _camera(answering: Backend) -> None:
    gr.Markdown("The answer is the mean of the last moments, so that it does not flicker.")
    memory = gr.State(None)
    with gr.Row():
        camera = gr.Image(sources=["webcam"], type="filepath", streaming=True, label="Camera", elem_id="camera")
        answer = gr.HTML(rendering.render_empty("Start the camera"), elem_id="live")

    def ask(file: str | None, before: Any) -> tuple[str, Any]:
        if not file:
            return rendering.render_empty("Start the camera"), None
        (now,) = _answers(answering, [file])
        if now.error is not None:
            return rendering.render_answer(now), before
        if now.task != "classify":
            text, texts = rendering.majority_vote(before or [], now.answer)
            return rendering.render_answer(
                now if text == now.answer else replace(now, answer=text, characters=())
            ), texts
        mean = rendering.smooth_probabilities(before, now)
        best = max(mean, key=lambda name: mean[name])
        return rendering.render_answer(replace(now, answer=best, confidence=mean[best], probabilities=mean)), mean

    camera.stream(ask, [camera, memory], [answer, memory], stream_every=0.4, time_limit=300, show_progress="hidden")


def _answers(answering: Backend, files: list[str]) -> Any:
    try:
        return answering.predict(list(files))
    except TellapartError as error:
        raise gr.Error(str(error)) from error


def _path(payload: Any) -> str | None:
    """The file as it was given. Gradio would open it, and end in a traceback where it is damaged."""
    return None if payload is None else payload.path


def _plain(text: str) -> str:
    """What a user wrote, with no meaning for Markdown."""
    return "".join(f"&#{ord(letter)};" for letter in text)
