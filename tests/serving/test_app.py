"""The addresses answer as the bundle does."""

from __future__ import annotations

import base64
import io
import json

from PIL import Image

import tellapart
from tellapart.data.opening import open_catalog


def _png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _same(rows, expected):
    assert [{**row, "file": ""} for row in rows] == [{**row, "file": ""} for row in expected]


ADDRESS = "/v1/models/shapes/predict"


def test_a_bad_image_among_good_ones_is_a_row_and_alone_is_422(shapes_here, pictures, expected, shape_bundle):
    client, _ = shapes_here
    files = [("image", ("a.png", pictures[0])), ("image", ("b.png", b"no image")), ("image", ("c.png", pictures[2]))]
    answer = client.post(ADDRESS, files=files)
    assert answer.status_code == 200
    rows = answer.json()["predictions"]
    _same([rows[0], rows[2]], [expected[0], expected[2]])
    assert rows[1] == {"file": "b.png", "error": tellapart.load(shape_bundle).predict(b"no image")[0].error}
    alone = client.post(ADDRESS, files=[("image", ("b.png", pictures[0][:40]))])
    assert alone.status_code == 422
    assert alone.json()["error"]["code"] == "bad_image"


def test_unknown_names_addresses_and_methods(shapes_here):
    client, _ = shapes_here
    assert client.post("/v1/models/nix/predict", content=b"x").json()["error"]["code"] == "unknown_model"
    assert client.get("/nix").json()["error"]["code"] == "unknown_path"
    assert client.get(ADDRESS).json()["error"]["code"] == "wrong_method"


def test_a_correction_that_the_model_cannot_answer_is_asked_twice(here, tmp_path, shape_bundle, text_bundle, pictures):
    files = [("image", ("a.png", pictures[0]))]
    with here(tmp_path / "state", [f"shapes={shape_bundle}", f"texts={text_bundle}"]) as (client, _):
        for model, right, words in [("shapes", "rin", "there are: bar, disc, ring"), ("texts", "0x", "'x'")]:
            address = f"/v1/models/{model}/correct"
            refused = client.post(address, files=files, data={"right": right})
            assert refused.status_code == 400
            assert refused.json()["error"]["code"] == "unknown_label"
            assert words in refused.json()["error"]["reason"]
            assert "new_label=true" in refused.json()["error"]["next"]
            assert client.post(address, files=files, data={"right": right, "new_label": "false"}).status_code == 400
            assert client.post(address, files=files, data={"right": right, "new_label": "true"}).status_code == 201
        coded = base64.b64encode(pictures[0]).decode()
        address = "/v1/models/shapes/correct"
        assert client.post(address, json={"image": coded, "right": "new", "new_label": True}).status_code == 201
        assert client.post(address, json={"image": coded, "right": "new", "new_label": False}).status_code == 400
        assert client.post(f"{address}?right=new&new_label=true", content=pictures[0]).status_code == 201
        assert client.post(address, files=files, data={"right": "ring"}).status_code == 201
    kept = open_catalog(tmp_path / "state" / "corrections" / "shapes").column("label")
    assert sorted(kept) == ["new", "new", "rin", "ring"]


def test_a_correction_is_a_line_with_the_id_of_its_request(shapes_here, pictures, capsys):
    client, _ = shapes_here
    data = {"right": "ring", "answer": "bar"}
    answer = client.post("/v1/models/shapes/correct", files=[("image", ("a.png", pictures[0]))], data=data)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (line,) = (each for each in lines if each["event"] == "correction")
    assert line["id"] == answer.headers["X-Request-ID"]
    assert (line["model"], line["answer"], line["right"]) == ("shapes", "bar", "ring")


def test_tags_are_answered_corrected_and_taken_back(here, tmp_path, tag_bundle, tagged):
    picture = (tagged / "010.png").read_bytes()
    (expected,) = tellapart.load(tag_bundle, threads=1).predict(picture)
    files = [("image", ("a.png", picture))]
    with here(tmp_path / "state", [f"tags={tag_bundle}"]) as (client, _):
        (row,) = client.post("/v1/models/tags/predict", files=files).json()["predictions"]
        _same([row], [expected.to_json()])
        assert isinstance(row["tags"], list)
        correct = "/v1/models/tags/correct"
        refused = client.post(correct, files=files, data={"right": "red|rad"})
        assert "'rad' is no tag of the model (did you mean 'red'?)" in refused.json()["error"]["reason"]
        assert client.post(correct, files=files, data={"right": "red|blue"}).status_code == 201
        assert "says which of 3 tags a picture has: blue, green, red" in client.get("/").text
        example = json.dumps(client.get("/openapi.json").json())
        assert '"tags": ["blue"]' in example
    assert open_catalog(tmp_path / "state" / "corrections" / "tags", task="tag").column("label") == ["blue|red"]
