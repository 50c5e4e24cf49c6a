"""The addresses of the server: models, answers, corrections, and what they are like in OpenAPI."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from functools import partial
from typing import Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tellapart.core import image_io
from tellapart.core.errors import ImageError
from tellapart.inference.known_labels import UnknownLabelError, check_known
from tellapart.inference.prediction import ANSWER, Prediction
from tellapart.serving.batching import ModelReplacedError, QueueFullError
from tellapart.serving.decoding import SMALL, DecodeQueue
from tellapart.serving.docs_page import POLICY, docs_page, start_page
from tellapart.serving.feedback_store import FeedbackStore, StoreFullError
from tellapart.serving.http_errors import HTTPError, broken, busy
from tellapart.serving.json_log import log_event
from tellapart.serving.middleware.request_log import note, request_id
from tellapart.serving.model_manager import LoadedModel, ModelManager, describe
from tellapart.serving.openapi import openapi
from tellapart.serving.prometheus import PrometheusMetrics
from tellapart.serving.request_parsing import ParsedRequest, parse_request
from tellapart.serving.settings import Settings

_log = logging.getLogger("tellapart.serve")
_LONGEST = 100  # characters of a correction


class App:
    """What one process answers with.

    Args:
        settings: of the server.
        live: its models.
        meter: where it counts.
    """

    def __init__(self, settings: Settings, live: ModelManager, meter: PrometheusMetrics) -> None:
        self.settings, self.live, self.meter = settings, live, meter
        self._decoding = DecodeQueue()
        self._keeping = ThreadPoolExecutor(1, "keep")
        self._shelves: dict[tuple[str, str], FeedbackStore] = {}
        self.asgi = Starlette(
            routes=[
                Route("/v1/models", self._counted("/v1/models", self._models)),
                Route("/v1/models/{name}", self._counted("/v1/models/{name}", self._model)),
                Route("/v1/models/{name}/predict", self._counted("predict", self._predict), methods=["POST"]),
                Route("/v1/models/{name}/correct", self._counted("correct", self._correct), methods=["POST"]),
                Route("/", self._start),
                Route("/docs", self._docs),
                Route("/openapi.json", self._openapi),
                Route("/livez", _alive),
                Route("/readyz", _alive),
                Route("/metrics", self._metrics),
            ],
            exception_handlers={HTTPError: _refused, HTTPException: _unknown, Exception: _broken},
        )

    def close(self) -> None:
        """Write what waits to be written."""
        self._decoding.close()
        self._keeping.shutdown(wait=True)
        for shelf in self._shelves.values():
            shelf.flush()
        self.live.close()

    def _counted(self, path: str, handler: Any) -> Any:
        async def counting(request: Request) -> Response:
            start, status = time.perf_counter(), 500
            try:
                response: Response = await handler(request)
                status = response.status_code
                return response
            except HTTPError as refusal:
                status = refusal.status
                self.meter.errors.labels(refusal.code).inc()
                raise
            finally:
                self.meter.requests.labels(path, str(status)).inc()
                self.meter.seconds.labels(path).observe(time.perf_counter() - start)

        return counting

    def _named(self, request: Request) -> LoadedModel:
        name = request.path_params["name"]
        if name not in self.live.models:
            known = ", ".join(self.live.models)
            raise HTTPError(404, "unknown_model", f"no model {name[:60]!r}", f"there are: {known}")
        return self.live.models[name]

    async def _models(self, _: Request) -> Response:
        return JSONResponse({"models": [describe(model) for model in self.live.models.values()]})

    async def _model(self, request: Request) -> Response:
        return JSONResponse(describe(self._named(request)))

    async def _openapi(self, request: Request) -> Response:
        return JSONResponse(openapi(self.live.models.values(), self.settings, str(request.base_url)))

    async def _start(self, _: Request) -> Response:
        return HTMLResponse(start_page(self.live.models.values()), headers={"Content-Security-Policy": POLICY})

    async def _docs(self, request: Request) -> Response:
        document = openapi(self.live.models.values(), self.settings, str(request.base_url))
        return HTMLResponse(docs_page(document), headers={"Content-Security-Policy": POLICY})

    async def _metrics(self, _: Request) -> Response:
        page = await asyncio.to_thread(self._figures)
        return Response(page, media_type="text/plain; version=0.0.4; charset=utf-8")

    def _figures(self) -> bytes:
        """Those of the server, and of the newest drift windows where `monitor` looks on."""
        try:
            return self.meter.page() + self.live.state.drift_figures.read_bytes()
        except FileNotFoundError:
            return self.meter.page()

    async def _predict(self, request: Request) -> Response:
        model = self._named(request)
        what = await parse_request(request, self.settings)
        while True:
            try:
                with model.batcher.room(len(what.images)):
                    answers = await self._answers(model, what, _client(request))
                break
            except ModelReplacedError:
                model = self._named(request)
            except QueueFullError as error:
                raise busy(error.seconds) from error
        self._note(model, what, answers)
        good = sum(answer.error is None for answer in answers)
        note(
            request.scope, model=model.name, version=model.version, images=len(answers), bad=len(answers) - good or None
        )
        body: dict[str, Any] = {
            "model": model.name, "version": model.version, "predictions": [answer.to_json() for answer in answers],
        }  # fmt: skip
        if good:
            return JSONResponse(body)
        body["error"] = {"code": "bad_image", "reason": answers[0].error, "next": "send an image that opens"}
        note(request.scope, code="bad_image")
        return JSONResponse(body, 422)

    async def _answers(self, model: LoadedModel, what: ParsedRequest, client: Hashable) -> list[Prediction]:
        futures = [self._ask(model, client, *each) for each in what.images]
        try:
            return list(await asyncio.gather(*map(asyncio.wrap_future, futures)))
        except BaseException:  # one failed, or nobody waits any more: the others need not be answered
            for each in futures:
                each.cancel()
            raise

    def _ask(self, model: LoadedModel, client: Hashable, name: str, data: bytes) -> Future[Prediction]:
        """Decoded and answered in other threads; the event loop, which all requests share, hears of it once."""
        future: Future[Prediction] = Future()

        def prepare(size_error: ImageError | None) -> None:
            pixels = size_error or model.predictor.prepare(name, data)[1]
            if isinstance(pixels, ImageError):
                future.set_result(Prediction(name, model.bundle.task, error=pixels.reason))
            else:
                model.batcher.submit(name, pixels, future)

        self._decode(future, client, name, data, prepare)
        return future

    def _decode(
        self, future: Future[Any], client: Hashable, name: str, data: bytes, decode: Callable[[ImageError | None], None]
    ) -> None:
        """Let a picture be decoded when it is its client's turn; what goes wrong becomes the future's error.

        ``decode`` is given what is wrong with the header or the size, if anything is: then there is nothing to decode.
        """

        def guarded(work: Callable[[], None]) -> Callable[[], None]:
            def run() -> None:
                if future.cancelled():  # who has gone away need not be answered
                    return
                try:
                    work()
                except InvalidStateError:  # it went meanwhile
                    return
                except Exception as error:
                    if not future.cancelled():
                        future.set_exception(error)

            return run

        def measure() -> None:
            try:
                width, height = image_io.size(data, name, max_pixels=self.settings.image_pixels)
            except ImageError as error:
                return decode(error)
            if width * height > SMALL:
                return self._decoding.submit_large(client, width * height, guarded(partial(decode, None)))
            return decode(None)

        self._decoding.submit(client, guarded(measure))

    def _note(self, model: LoadedModel, what: ParsedRequest, answers: list[Prediction]) -> None:
        meter = self.meter
        good = [answer for answer in answers if answer.error is None]
        meter.images.labels(model.name, model.version).inc(len(good))
        meter.errors.labels("bad_image").inc(len(answers) - len(good))
        meter.queue.labels(model.name).set(len(model.batcher))
        for answer in good:
            meter.confidence.labels(model.name).observe(answer.confidence)
        for (name, data), answer in zip(what.images, answers, strict=True):
            if answer.error is None and random.random() < self.settings.sample:  # noqa: S311  (takes a sample, keeps no secret)
                shelf = self._shelf("samples", model)
                kept = partial(shelf.put, data, name, answer.answer, confidence=answer.confidence,
                               model=model.name, version=model.version)  # fmt: skip
                self._keeping.submit(kept).add_done_callback(_said)

    async def _correct(self, request: Request) -> Response:
        model = self._named(request)
        what = await parse_request(request, self.settings)
        right = what.words.get("right", "").strip()
        if len(what.images) != 1:
            raise HTTPError(400, "too_many", "a correction is of one image", "send one image, and right=ANSWER")
        if not 0 < len(right) <= _LONGEST or not right.isprintable():
            raise HTTPError(
                400, "no_answer", f"right is missing, or no text of 1 to {_LONGEST} characters",
                "send the right answer as the field 'right'",
            )  # fmt: skip
        if what.words.get("new_label", "").lower() not in ("true", "1", "yes"):
            try:
                check_known(model.bundle, right)
            except UnknownLabelError as error:
                raise HTTPError(
                    400, "unknown_label", str(error), "send new_label=true beside it if it is right all the same"
                ) from error
        ((name, data),) = what.images
        opened: Future[None] = Future()

        def check(size_error: ImageError | None) -> None:
            if size_error is not None:
                raise size_error
            image_io.decode(data, name, max_pixels=self.settings.image_pixels)
            opened.set_result(None)

        self._decode(opened, _client(request), name, data, check)
        try:
            await asyncio.wrap_future(opened)
        except ImageError as error:
            raise HTTPError(422, "bad_image", error.reason, "send an image that opens") from error
        except QueueFullError as error:
            raise busy(error.seconds) from error
        shelf = self._shelf("corrections", model)
        answer = "".join(letter for letter in what.words.get("answer", "")[:_LONGEST] if letter.isprintable())
        keep = partial(shelf.put, data, name, right, answer=answer, model=model.name, version=model.version)
        try:
            await asyncio.get_running_loop().run_in_executor(self._keeping, keep)
        except (StoreFullError, OSError) as error:
            raise HTTPError(
                507, "full", "there is no room for more corrections", "tell whoever runs the server"
            ) from error
        self.meter.corrections.labels(model.name).inc()
        note(request.scope, model=model.name, version=model.version)
        log_event(
            "correction",
            id=request_id(request.scope),
            model=model.name,
            version=model.version,
            answer=answer,
            right=right,
        )
        return JSONResponse({"kept": True, "right": right}, 201)

    def _shelf(self, kind: str, model: LoadedModel) -> FeedbackStore:
        if (kind, model.name) not in self._shelves:
            sampled = kind == "samples"
            folder = self.live.state.path / kind / model.name
            self._shelves[kind, model.name] = FeedbackStore(
                folder, ANSWER[model.bundle.task], rotate=sampled, wait=sampled
            )
        return self._shelves[kind, model.name]


def _client(request: Request) -> Hashable:
    """Whose turn it is to be: each connection has its own, as behind one address there may be many people."""
    return request.client


def _said(kept: Future[None]) -> None:
    """A sample that could not be kept is no caller's trouble, but somebody's."""
    if not kept.cancelled() and (error := kept.exception()) is not None:
        _log.error("a sample was not kept: %s", error)


async def _alive(_: Request) -> Response:
    """A process listens only once its models are loaded: who is answered at all is answered by one that is ready."""
    return PlainTextResponse("ok\n")


async def _refused(request: Request, error: Exception) -> Response:
    refusal = cast(HTTPError, error)  # registered for it
    note(request.scope, code=refusal.code)
    return refusal.response()


async def _broken(_: Request, __: Exception) -> Response:
    return broken().response()  # Starlette raises it again, for the log


async def _unknown(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    if status == 405:
        refusal = HTTPError(405, "wrong_method", f"{request.method} is not taken here", "see /docs")
    else:
        refusal = HTTPError(404, "unknown_path", "nothing lies at this address", "see /docs")
    return await _refused(request, refusal)
