"""Names of other alphabets in Latin letters, in each of the ways passports, hospitals and libraries write them."""

import re
from collections.abc import Iterable, Iterator

from radcommons.deid.folding import listed

# Cyrillic and Greek letters with the Latin ones that passports give them.
_LATIN = listed(
    "а=a б=b в=v г=g д=d е=e ж=zh з=z и=i й=y к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh щ=shch ъ= ы=y ь= э=e ю=yu я=ya "
    "ё=e і=i ї=yi є=ye ґ=g α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f χ=ch ψ=ps ω=o"
)
_SEMITIC = listed(
    "ا=a ب=b ت=t ث=th ج=j ح=h خ=kh د=d ذ=dh ر=r ز=z س=s ش=sh ص=s ض=d ط=t ظ=z ع= غ=gh ف=f ق=q ك=k ل=l م=m ن=n ه=h و=w ي=y ى=a ة=a ء= ئ=y ؤ=w "
    "א=a ב=b ג=g ד=d ה=h ו=o ז=z ח=ch ט=t י=i כ=k ך=k ל=l מ=m ם=m נ=n ן=n ס=s ע= פ=p ף=f צ=tz ץ=tz ק=k ר=r ש=sh ת=t"
)
# As German, French and the tables of libraries write them.
_OTHER_LATIN = (
    "ж=sch ц=z ч=tsch ш=sch щ=schtsch ю=ju я=ja х=ch й=j",
    "ж=j у=ou ч=tch ш=ch щ=chtch ю=iou я=ia",
    "ж=zh х=h ц=c ч=ch ш=sh щ=shh ю=ju я=ja й=j",
    "ж=z х=h ц=c ч=c ш=s щ=sc ю=ju я=ja й=j",
)


def _table(pairs: Iterable[str]) -> dict[int, str]:
    return str.maketrans(dict(pair.split("=") for pair in pairs))


_USUAL = _table(_LATIN | _SEMITIC)
_TRANSLITERATIONS = (_USUAL, *({**_USUAL, **_table(pairs.split())} for pairs in _OTHER_LATIN))
# What two Greek letters say together.
_GREEK = (("ευ", "ef"), ("αυ", "af"), ("ου", "ou"), ("μπ", "b"))
_ARTICLE = re.compile(r"\bال(?=[^\W\d_]{3})")


def in_latin(name: str) -> Iterator[str]:
    """A folded name as other alphabets' readers write it, an Arabic one without its article too; nothing for a Latin one."""
    if name.isascii():
        return
    bare = _ARTICLE.sub("", name)
    greek = name
    for written, said in _GREEK:
        greek = greek.replace(written, said)
    yield bare
    yield from (each.translate(table) for each in (name, bare, greek) for table in _TRANSLITERATIONS)
