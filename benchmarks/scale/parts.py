"""Answers part by part from S3 on two Ray nodes, one killed in the middle, beside the same parts without Ray.

    python -m benchmarks parts --images 20000 --parts 20 --moto /path/to/moto_server

Nodes are processes of this machine (`ray.cluster_utils.Cluster`), S3 is moto's server on loopback. Prints whether the
answers are equal byte for byte, what a killed node, a killed driver and a second run cost, and the driver's memory and
time with empty parts.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tellapart
from tellapart.core.storage import RemotePath, as_path


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--parts", type=int, default=20)
    parser.add_argument("--empty", type=int, default=2000, help="empty parts, then twice as many")
    parser.add_argument("--moto", default="moto_server", help="the program of moto's server")
    options = parser.parse_args(argv)
    os.environ |= {"RAY_AUTH_MODE": "disabled", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    figures: dict[str, Any] = {"images": options.images, "parts": options.parts}
    with tempfile.TemporaryDirectory() as scratch:
        port = _free_port()
        server = subprocess.Popen(
            [options.moto, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
        try:
            _wait_for(port)
            url = _fill(Path(scratch), options.images, options.parts)
            figures |= _without_ray(url)
            figures |= _with_ray(url)
            figures |= _killed_driver(url)
            figures |= _empty_parts(Path(scratch), options.empty)
        finally:
            server.terminate()
            server.wait()
    for name, value in figures.items():
        print(f"{name:<44} {value}")
    return figures


def _fill(scratch: Path, images: int, parts: int) -> str:
    """Shards of drawn texts in a bucket."""
    from pyarrow import fs

    fs.S3FileSystem(
        endpoint_override=os.environ["AWS_ENDPOINT_URL"], region="us-east-1", allow_bucket_creation=True
    ).create_dir("images")
    place = as_path("s3://images/shards")
    assert isinstance(place, RemotePath)
    for number in range(parts):
        file = scratch / f"{number:03}.parquet"
        tellapart.generate("digits", images // parts, file, seed=number)
        (place / file.name).upload(file)
    return str(place)


def _timed(url: str, out: str, on: str | None) -> tuple[float, dict[str, bytes], Any]:
    start = time.perf_counter()
    result = tellapart.predict("base", url, out=out, on=on)
    seconds = time.perf_counter() - start
    return seconds, _answers(out), result


def _answers(out: str) -> dict[str, bytes]:
    place = as_path(out)
    assert isinstance(place, RemotePath)
    return {path.name: path.read_bytes() for path, _ in place.files() if path.suffix == ".parquet"}


def _without_ray(url: str) -> dict[str, Any]:
    seconds, _, result = _timed(url, "s3://images/here", None)
    return {"images a second without Ray": round(result["images"] / seconds, 1)}


def _with_ray(url: str) -> dict[str, Any]:
    import ray
    from ray.cluster_utils import Cluster

    here = _answers("s3://images/here")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False)
    cluster.wait_for_nodes()
    try:
        seconds, there, result = _timed(url, "s3://images/there", "ray")
        figures = {
            "equal with and without Ray, byte for byte": here == there,
            "images a second on two nodes of Ray": round(result["images"] / seconds, 1),
        }
        again, _, second = _timed(url, "s3://images/there", "ray")
        figures["the same again, seconds"] = round(again, 2)
        figures["the same again, images computed"] = second["images"]

        def kill() -> None:
            while _count("s3://images/killed") < len(here) // 3:
                time.sleep(0.1)
            cluster.remove_node(nodes[1], allow_graceful=False)

        killer = threading.Thread(target=kill)
        killer.start()
        seconds, killed, result = _timed(url, "s3://images/killed", "ray")
        killer.join()
        figures["a node killed after a third: equal"] = killed == here
        figures["a node killed after a third: parts tried again"] = result["tried_again"]
        figures["a node killed after a third: seconds"] = round(seconds, 1)
    finally:
        ray.shutdown()
        cluster.shutdown()  # type: ignore[no-untyped-call]
    return figures


def _count(out: str) -> int:
    place = as_path(out)
    assert isinstance(place, RemotePath)
    return sum(path.suffix == ".parquet" for path, _ in place.files()) if place.exists() else 0


def _killed_driver(url: str) -> dict[str, Any]:
    here = _answers("s3://images/here")
    command = [sys.executable, "-m", "tellapart", "predict", "base", url, "--out", "s3://images/driver"]
    driver = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while _count("s3://images/driver") < len(here) // 2 and driver.poll() is None:
        time.sleep(0.1)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    done = _count("s3://images/driver")
    _, answers, result = _timed(url, "s3://images/driver", None)
    return {
        "the driver killed after half: equal": answers == here,
        "the driver killed after half: parts kept": f"{result['done_before']} of {done} there",
    }


def _empty_parts(scratch: Path, count: int) -> dict[str, Any]:
    """Memory and time of the driver alone, with parts that do nothing in this process's pool."""
    from tellapart.data.parts import Part
    from tellapart.scale.engine import Work, run_parts

    figures: dict[str, Any] = {}
    for number in (count, 2 * count):

        def parts(number: int = number) -> Iterator[Part]:
            return (Part(at, {"of": []}, "", f"part {at}") for at in range(number))

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        work = Work("nothing", "tellapart.pipelines.shards:shards_part", {"size": 0}, str(scratch / f"empty{number}"))
        run_parts(work, parts())
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        figures[f"{number:,} empty parts"] = f"{time.perf_counter() - start:.1f} s, {grown:.0f} MB more"
    return figures


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("moto's server did not start")


if __name__ == "__main__":
    main()
