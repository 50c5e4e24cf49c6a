"""Bytes become the text that was meant, or are refused with what they may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.core.text_encoding import EncodingError, decode_text

KOREAN = "file,label\r\n1.png,고양이\r\n2.png,강아지\r\n"


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"), ("utf-32", "UTF-32"), ("cp949", "cp949"),
    ],
)  # fmt: skip
def test_one_table_in_every_encoding(encoding, name):
    assert decode_text(KOREAN.encode(encoding)) == (KOREAN, name)


def test_marks_of_the_other_byte_order():
    assert decode_text(b"\xfe\xff" + KOREAN.encode("utf-16-be")) == (KOREAN, "UTF-16")
    assert decode_text(b"\0\0\xfe\xff" + KOREAN.encode("utf-32-be")) == (KOREAN, "UTF-32")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp949", "개"), ("cp949", "서울특별시 강남구"), ("cp949", "파일,라벨\n사과.png,사과\n"),
        ("gb18030", "今天天气很好"), ("gb18030", "1.png,苹果\n2.png,香蕉\n3.png,葡萄\n"),
        ("big5", "今天天氣很好"), ("big5", "1,貓\n2,狗\n"),
        ("cp932", "1.png,ネコ\n2.png,イヌ\n"), ("cp932", "今日はいい天気です"), ("euc_jp", "ネコ"),
        ("cp1252", "1,Größe\n"), ("cp1252", "1,café\n2,naïve\n"), ("cp1252", "1,don’t\n"), ("cp1252", "créée"),
        ("cp1251", "1,кошка\n2,Собака\n"),
    ],
)  # fmt: skip
def test_older_encodings(encoding, text):
    assert decode_text(text.encode(encoding)) == (text, encoding)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,\xff\n", "not UTF-8 text (byte 2), and no older encoding fits either; save it as UTF-8"),
        (b"\xef\xbb\xbfa,\xe9\n", "not UTF-8 text (byte 5), though it begins so"),
        (b"\xff\xfea", "not UTF-16 text (byte 2), though it begins so"),
        (
            "1,Größe\n".encode() + b"2,\xff\n",
            "not UTF-8 text (byte 12), and no older encoding fits either; save it as UTF-8",
        ),
        (
            "뷁".encode("cp949"),
            "not UTF-8 text (byte 0); it may be cp949 ('뷁') or cp932 ('誹'); save it as UTF-8",
        ),
    ],
)  # fmt: skip
def test_what_is_no_text_or_may_be_several(data, message):
    with pytest.raises(EncodingError) as caught:
        decode_text(data)
    assert str(caught.value) == message


def test_nuls_are_not_always_of_sixteen_bits():
    data = b"file,label\na.png,x\n" + b"\0" * 4096
    assert decode_text(data) == (data.decode(), "UTF-8")


@given(st.binary(max_size=60))
def test_any_bytes_are_text_or_are_refused(data):
    try:
        assert decode_text(data)[1]
    except EncodingError as error:
        message = str(error)
        assert message.isprintable()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), max_size=60))
def test_any_text_comes_back(text):
    for encoding in ("utf-8", "utf-8-sig"):
        assert decode_text(text.encode(encoding))[0] == text
    assert decode_text(text.encode("utf-16"))[0] == text
