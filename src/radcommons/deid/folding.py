"""Texts without case, accents and separators, each character traceable to the one it came from.

Identifiers and the texts they are searched in go through the same folding, so that ``Müller``, ``MULLER`` and ``müller``
are one, and ``O'Brien``, ``O BRIEN`` and ``OBRIEN`` too.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Letters that Unicode does not take apart into a base letter and a mark.
_LETTERS = {
    "ß": "ss",
    "ø": "o",
    "æ": "ae",
    "œ": "oe",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ı": "i",
    "ŋ": "n",
    "ħ": "h",
}
# Characters of names in China and Japan, as they are written where they were not made simpler, and where they were.
_SIMPLER = str.maketrans(
    "張陳劉黃黄楊趙吳吴孫馬羅鄭謝韓馮鄧許葉蘇呂蔣盧賈鍾鐘錢譚陸範韋蕭閻顧龍竜萬龔湯賴齊斉齋斎嚴蘭單喬賀鄒湯陰"
    "倫偉傑儀優億榮栄業樂楽歡歷歸澤沢潔濤濱浜瀅炳瑩瑪瓊環畢異當発發盛監禮祿禎穎穩積競節簡紀紅純紹綺綸維綱綠綿緒線編縣繼"
    "義羣聖聰聯聲職腦興艷莊華萊蓮蔭藍藝蘊虛衛補覺観觀計記訓詠詩詳誠誼調諾謙譯議護讓變貝貞財貴買費資賓賢賽贊軍軒輝輪農連進運達遠適遲鄉鄰"
    "鈞鈴鉅銀銘銳鋒鋼錄錦鎮鏡鐵鑫長門開閔閣關陽隊際隱雙雲電靈靜韻頌順預領頤頻題顏願飛養駿騰驊驥體魚魯鮑鳳鳴鴻鵑鵬鶴鹿麗麥齡齢"
    "國圖圓壽壯夢奮妝婭媽嫻嬌學寧寶宝實寬將專爾尋導島峯嶺嶽帥師帶廣広廬強弾強彥従恆恵惠惲愛慶慧憲應懷戰掲搖撫擇據敵曉曄曆會東棟條楓極構槍樞標樣樹橋機櫻桜權歐歳"
    "藤邊辺邉濟済渡瀧滝眞真條鑑鉄錬剛劍剣勁動勝勳勲勵區協單厲參吳問啟喚喬嚮園執堅報場塩塵増壘處備傳傾僑價兒児凱凍",
    "张陈刘黄黄杨赵吴吴孙马罗郑谢韩冯邓许叶苏吕蒋卢贾钟钟钱谭陆范韦萧阎顾龙龙万龚汤赖齐齐斋斋严兰单乔贺邹汤阴"
    "伦伟杰仪优亿荣荣业乐乐欢历归泽泽洁涛滨滨滢炳莹玛琼环毕异当发发盛监礼禄祯颖稳积竞节简纪红纯绍绮纶维纲绿绵绪线编县继"
    "义群圣聪联声职脑兴艳庄华莱莲荫蓝艺蕴虚卫补觉观观计记训咏诗详诚谊调诺谦译议护让变贝贞财贵买费资宾贤赛赞军轩辉轮农连进运达远适迟乡邻"
    "钧铃钜银铭锐锋钢录锦镇镜铁鑫长门开闵阁关阳队际隐双云电灵静韵颂顺预领颐频题颜愿飞养骏腾骅骥体鱼鲁鲍凤鸣鸿鹃鹏鹤鹿丽麦龄龄"
    "国图圆寿壮梦奋妆娅妈娴娇学宁宝宝实宽将专尔寻导岛峰岭岳帅师带广广庐强弹强彦从恒惠惠恽爱庆慧宪应怀战揭摇抚择据敌晓晔历会东栋条枫极构枪枢标样树桥机樱樱权欧岁"
    "藤边边边济济渡泷泷真真条鉴铁炼刚剑剑劲动胜勋勋励区协单厉参吴问启唤乔向园执坚报场盐尘增垒处备传倾侨价儿儿凯冻",
)
_HANGUL = range(0xAC00, 0xD7A4)
_KATAKANA = range(0x30A1, 0x30F7)
_KATAKANA_TO_HIRAGANA = 0x60
_FIRST_EAST_ASIAN = 0x2E80
BEGINNING, _SHORT_BEGINNING = 3, 2
_LAST_CODE = 0x20000
_WIDE_SIGNS, _WIDE_TO_PLAIN = range(0xFF01, 0xFF0F + 1), 0xFEE0


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A text without case and accents, and which character of the original each of its characters came from."""

    text: str
    origins: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that a span of the folded one stands for."""
        return self.origins[start], self.origins[end - 1] + 1

    def squeezed(self) -> "FoldedText":
        """Only the letters and digits; the origins are places in this folded text."""
        places = [index for index, character in enumerate(self.text) if character.isalnum()]
        return FoldedText("".join([self.text[index] for index in places]), places)


def beginnings(letters: str) -> Iterator[str]:
    """The two and the three letters at each place, with which a word may begin there."""
    for start in range(len(letters)):
        yield letters[start : start + _SHORT_BEGINNING]
        yield letters[start : start + BEGINNING]


def listed(text: str) -> frozenset[str]:
    """The words of a list that is written as a text."""
    return frozenset(text.split())


def fold(text: str) -> FoldedText:
    """Lower case, no accents, nothing invisible, compatibility forms unified; every character traceable to its origin."""
    if text.isascii():
        return FoldedText(text.lower(), range(len(text)))
    letters: list[str] = []
    origins: list[int] = []
    for index, character in enumerate(text):
        for part in _folded(character):
            letters.append(part)
            origins.append(index)
    return FoldedText("".join(letters), origins)


def with_plain_signs(text: str) -> str:
    """A text of the same length with the figures of all scripts, dashes, spaces and wide marks as ASCII has them."""
    return text if text.isascii() else text.translate(_plain_signs())


@lru_cache(maxsize=1)
def _plain_signs() -> dict[int, str]:
    signs = {0x2212: "-", 0x2044: "/", 0x2215: "/"}
    for code in range(0x80, _LAST_CODE):
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Nd":
            signs[code] = str(unicodedata.decimal(character))
        elif category in {"Pd", "Zs"}:
            signs[code] = "-" if category == "Pd" else " "
        elif code in _WIDE_SIGNS:
            signs[code] = chr(code - _WIDE_TO_PLAIN)
    return signs


def is_east_asian(word: str) -> bool:
    """Whether a word is in a script that writes no spaces between words."""
    return any(ord(character) >= _FIRST_EAST_ASIAN for character in word)


@lru_cache(maxsize=8192)
def _folded(character: str) -> str:
    if ord(character) in _HANGUL:
        return character
    parts = []
    for part in unicodedata.normalize("NFKD", character).casefold().translate(_SIMPLER):
        if not unicodedata.combining(part) and unicodedata.category(part) != "Cf":
            part = _LETTERS.get(part, part)  # noqa: PLW2901  one letter may become two
            parts.append(chr(ord(part) - _KATAKANA_TO_HIRAGANA) if len(part) == 1 and ord(part) in _KATAKANA else part)
    return "".join(parts)
