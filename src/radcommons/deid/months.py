"""The names of months in the languages of Europe and around it, as people write and shorten them."""

from radcommons.deid.folding import listed

# Month names of English, German, French, Spanish, Italian, Dutch, Portuguese and Russian, whole and as people shorten them.
MONTHS = listed(
    "january januar januari janvier janeiro jan gennaio gen. genn enero ene. february februar februari février fevrier févr fevr febrero febbraio fevereiro feb "
    "march märz maerz mrz mars marzo março marco maart mrt april avril avr aprile abril abr apr maggio mayo maio june juni juin junio giugno junho jun "
    "july juli juillet juil julio luglio julho jul august augustus août aout agosto aug september septembre septiembre settembre setembro sept october oktober octobre "
    "octubre ottobre outubro okt november novembre noviembre novembro nov december dezember décembre decembre diciembre dicembre dezembro dez déc "
    "январь января февраль февраля март марта апрель апреля мая июнь июня июль июля август августа сентябрь сентября октябрь октября ноябрь ноября декабрь декабря "
    # The Nordic languages, Polish, Czech, Slovak, Hungarian, Romanian, Croatian, Finnish, Turkish.
    "augusti desember tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta "
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia styczeń kwiecień czerwiec lipiec sierpień wrzesień październik listopad grudzień "
    "leden ledna únor února března březen duben dubna květen května červen června červenec července srpen srpna září říjen října listopadu prosinec prosince "
    "januára februára apríla mája júna júla augusta septembra októbra novembra decembra január február március április május június július augusztus szeptember október "
    "ianuarie februarie martie aprilie iunie iulie septembrie octombrie noiembrie decembrie "
    "siječnja veljače ožujka travnja svibnja lipnja srpnja kolovoza rujna studenoga studenog prosinca januara februara "
    "ocak şubat nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık "
    # Greek, Ukrainian, Bulgarian, Arabic, Hebrew.
    "ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου μαίου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου "
    "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня януари февруари април юни юли септември октомври ноември декември "
    "يناير فبراير مارس أبريل ابريل مايو يونيو يوليو أغسطس اغسطس سبتمبر أكتوبر اكتوبر نوفمبر ديسمبر "
    "ינואר פברואר מרץ אפריל יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר באפריל בינואר בפברואר במרץ במאי ביוני ביולי באוגוסט בספטמבר באוקטובר בנובמבר בדצמבר"
)
# Short names that are words of imaging or of a language as well: they need a year of four digits or a day before them.
LOOSE_MONTHS = listed(
    "mar may mai maj mei sep set oct out dec dic ago gen mag giu lug ott fev fév ene май sty lut kwi cze wrz paź gru"
)
