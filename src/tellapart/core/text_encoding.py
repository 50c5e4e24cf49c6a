"""Bytes become text: UTF-8, UTF-16 and UTF-32, and by what the text would say the encodings of older programs.

Older encodings carry no mark. Bytes are read in one only where its reading is plausible and no other's is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import islice

from tellapart.core.terminal import quoted

UTF8 = "UTF-8"
_MARKS = (  # those of 32 bits first: the mark of UTF-16 begins one of them
    (b"\xef\xbb\xbf", "utf-8", UTF8),
    (b"\xff\xfe\0\0", "utf-32-le", "UTF-32"),
    (b"\0\0\xfe\xff", "utf-32-be", "UTF-32"),
    (b"\xff\xfe", "utf-16-le", "UTF-16"),
    (b"\xfe\xff", "utf-16-be", "UTF-16"),
)
_RUNS = 20_000  # pieces beyond ASCII that judge an encoding
_PLAUSIBLE, _MARGIN = 0.3, 0.25  # a reading counts from this score, and is the one by this distance to the next

# Frequent syllables of Korean and characters of Chinese: of a text read in a wrong encoding few are among them.
_HANGUL = frozenset(
    "이다는에의을가하고지로도한를기사은어서리인시아대자나그해일수보정부전장제라들게상성만주구원선조소여오마스있었습니것적년"
    "동생용경무과국관중학위비신공후모바간안화유내실세미면거방우출음건개발진문입예속연회계양업식명행통현치물분민장드터트크프르"
    "러레반영심재작살강산물날말물길마당집밤별불빛봄여름가을겨울눈비람구새꽃나무풀돌차배책상의자탁고양강지닭소말돼호랑토끼곰원숭"
    "코뿔린펭귄뱀개구리거북물고기새우게나비벌모파잠사슴여우늑둘셋넷다섯섬읽쓰글씨형색빨간초록파란노랑검흰회온와왔요네데때또뒤"
    "려력령론료류률른릴림립맞매머먹멀메며목못몇무및받밖번법변본북사생석설센송술숙순숨쉬습승심십싶쌍써앞약얼없엄엔역열염엽왕외욕"
    "운월육율응익임잔잘잡점접정졸종좋좌죄줄준즉증질찬참창처천철첫청체초총최추축춘출충층친칠카케타태택토통투특틀티파판팔편평폐포"
    "폭표품피필학함합항향허험혁혈협혼홍황효훈휴흥희당되된될두래려남녀김박따떤람감갑값격결겠곳골광교군권규균극근금급긴깨끝난농느"
    "능니님단달담답더덕던독떠란량록루막맛망백병복봉빠뿐삼손쇠수악암압야애액언업"
)
_HANZI = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方"
    "多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明"
    "性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位"
    "次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感"
    "建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色"
    "路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运红黄蓝绿黑青花草树木火土石鱼鸟狗猫牛羊虎"
    "兔龙蛇鸡猪猴鼠豆米茶酒饭车船飞刀衣帽鞋左右春夏秋冬年早晚男父母兄弟姐妹朋友爱笑哭吃喝字词句读写"
    "這個們來國說時會對過發後經還進樣開從實軍無與長機關點業將兩間問並應戰向頭體見產話給門東聲員論義幾認條係氣題爾別變總電數報結"
    "務場計資許統區隊決馬書則聽達強權設記類據邊張該規萬覺術領確傳師觀讓識帶導爭運紅黃藍綠樹魚鳥貓龍雞豬車船飛"
)
_CJK_SIGNS = r"\u3000-\u303f\uff01-\uff5e·“”‘’…–—×÷±°※★☆○●◎□■△▲▽▼→←↑↓♀♂"
_WORD = re.compile(r"[^\x00-\x7f]+")


class EncodingError(ValueError):
    """The bytes are no text of a known encoding, or of several; the message says which."""


def decode_text(data: bytes) -> tuple[str, str]:
    r"""Decode bytes to text, without the mark at its beginning; line ends stay as they are.

    Returns:
        The text, and the name of its encoding.

    Raises:
        EncodingError: no encoding fits, or several do.

    >>> decode_text("größe".encode()), decode_text("file,한글".encode("utf-16"))
    (('größe', 'UTF-8'), ('file,한글', 'UTF-16'))
    """
    for mark, encoding, name in _MARKS:
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(encoding), name
            except UnicodeDecodeError as error:
                raise EncodingError(f"not {name} text (byte {len(mark) + error.start}), though it begins so") from error
    if (wide := _without_mark(data)) is not None:
        return wide, "UTF-16"
    try:
        return data.decode("utf-8"), UTF8
    except UnicodeDecodeError as error:
        return _decode_older(data, error.start)


def _without_mark(data: bytes) -> str | None:
    """The text of UTF-16 without its mark, which shows in the NULs beside its ASCII; None where it is none."""
    head = data[:4096]
    nuls = head.count(b"\0")
    if nuls * 4 < len(head) or len(data) % 2:
        return None
    low = head[1::2].count(b"\0")
    encoding = "utf-16-le" if low * 4 > nuls * 3 else "utf-16-be" if low * 4 < nuls else None
    try:
        text = data.decode(encoding) if encoding is not None else None
    except UnicodeDecodeError:
        return None
    return None if text is None or re.search(r"[\x00-\x08\x0e-\x1f\ufffe\uffff]", text[:4096]) else text


def _decode_older(data: bytes, first: int) -> tuple[str, str]:
    """Decode bytes that are no UTF-8, from the byte ``first`` on, in the one older encoding that fits."""
    readings: dict[str, str] = {}
    scores: Counter[str] = Counter()
    for encoding, score in _OLDER.items():
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        runs = list(islice(_WORD.finditer(text), _RUNS))
        readings[encoding] = text
        scores[encoding] = round(1000 * score(runs))
    ranked = scores.most_common()
    likely = [encoding for encoding, points in ranked if points >= 1000 * _PLAUSIBLE]
    if not likely:
        raise EncodingError(f"not UTF-8 text (byte {first}), and no older encoding fits either; save it as UTF-8")
    best = likely[0]
    close = [encoding for encoding in likely if ranked[0][1] - scores[encoding] < 1000 * _MARGIN]
    if len({readings[encoding] for encoding in close}) > 1:
        choices = " or ".join(f"{encoding} ({quoted(_sample(readings[encoding]))})" for encoding in close)
        raise EncodingError(f"not UTF-8 text (byte {first}); it may be {choices}; save it as UTF-8")
    return readings[best], best


def _sample(text: str) -> str:
    match = _WORD.search(text)
    return text[max(0, match.start() - 8) : match.start() + 16].strip() if match else ""


# --- how plausible is a reading? ----------------------------------------------------------------------

Runs = list[re.Match[str]]


def _script(pattern: str, common: frozenset[str] | None) -> Callable[[Runs], float]:
    """A score of East Asian text: the share of its characters that are frequent ones; 0 for one of another script."""
    letters, known = re.compile(pattern), re.compile(f"[{pattern[1:-1]}{_CJK_SIGNS}]+")

    def score(runs: Runs) -> float:
        if not all(known.fullmatch(run[0]) for run in runs):
            return 0.0
        found = Counter(sign for run in runs for sign in run[0] if letters.match(sign))
        if not found:
            return 0.0
        frequent = sum(number for sign, number in found.items() if common is None or sign in common or sign < "\u3100")
        return max(frequent / found.total(), _PLAUSIBLE)

    return score


def _two_bytes(pattern: str, strict: str, common: frozenset[str]) -> Callable[[Runs], float]:
    """Like `_script`, for an encoding whose usual characters are those of an older, smaller one."""
    score = _script(pattern, common)

    def strictly(runs: Runs) -> float:
        try:
            "".join(run[0] for run in runs).encode(strict)
        except UnicodeEncodeError:
            return 0.0
        return score(runs)

    return strictly


def _western(runs: Runs) -> float:
    """A score of Latin text: its letters with accents stand alone or in small pairs within words."""
    letters = sum(
        bool(re.fullmatch(r"[À-ÖØ-öø-þŒœŠšŽž]|[ßà-öø-ý]{2}", run[0]) or (run[0] == "’" and _within_word(run)))
        for run in runs
    )
    signs = sum(bool(re.fullmatch(r"[‘’“”–—…«»¿¡°§€£·ªº]", run[0])) for run in runs)
    return 1.0 if letters and letters * 2 >= len(runs) and letters + signs >= len(runs) else 0.0


def _within_word(run: re.Match[str]) -> bool:
    return run.string[run.start() - 1 : run.start()].isalpha() and run.string[run.end() : run.end() + 1].isalpha()


def _cyrillic(runs: Runs) -> float:
    """A score of Cyrillic text: capitals stand only at the beginning of words."""
    words = [word for run in runs for word in re.split(r"[«»“”„–—…№]+", run[0]) if word]
    usual = all(re.fullmatch(r"[А-ЯЁ]?[а-яё]+", word) for word in words)
    return 1.0 if usual and sum(map(len, words)) >= 4 else 0.0


_japanese = _script(r"[\u3041-\u30ff\u4e00-\u9fff]", _HANZI)


def _with_kana(runs: Runs) -> float:
    """A score of Japanese text in an encoding that Chinese text passes for too."""
    return _japanese(runs) if any(re.search(r"[\u3041-\u30ff]", run[0]) for run in runs) else 0.0


_OLDER: Mapping[str, Callable[[Runs], float]] = {
    "cp949": _script(r"[\uac00-\ud7a3\u3131-\u318e]", _HANGUL),
    "gb18030": _two_bytes(r"[\u4e00-\u9fff]", "gb2312", _HANZI),
    "big5": _script(r"[\u4e00-\u9fff]", _HANZI),
    "cp932": _japanese,
    "euc_jp": _with_kana,
    "cp1252": _western,
    "cp1251": _cyrillic,
}
