"""The plots of the stories: each a row of beats in the notation of `grammar.expand`. A beat that begins with "?" may be left out.

Words that a beat may name: {a}, {b}, {c} are people, with {a_he}, {a_him}, {a_his}; {thing} ("red kite") and its noun {it_},
{other};
{place}, {place2} ("the mill"); {spot}, {spot2} ("under the bed"); {food}, {animal}, {trade}, {town}, {town2}, {number},
{number2};
{do}, {doing} of a topic ("bake bread"), {first} its first step. What is said of them at the end must agree with what came before.
"""

from __future__ import annotations

from burnish.world.grammar import some

THINGS = some(
    """kite|drum|lantern|ring|whistle|basket|knife|spoon|hat|scarf|coat|key|bell|book|box|bowl|cup|jug|pot|lamp|mirror|comb|purse|
    coin|map|letter|flute|fiddle|rope|net|hammer|saw|brush|blanket|pillow|doll|ball|clock|watch|glove|boot|button|
    bottle|candle|picture|stone|shell|feather|bag|trumpet|plate|needle|spade|cap|belt|pipe|horn"""
)
LOOKS = some(
    "red|blue|green|yellow|white|black|brown|grey|old|new|small|big|round|long|heavy|light|plain|fine|pretty|strange|little"
)
MATERIALS = some("silver|golden|wooden|copper|iron|painted|shiny")
HARD = frozenset(
    some(
        "ring|whistle|spoon|key|bell|box|bowl|cup|jug|pot|mirror|comb|flute|brush|doll|clock|button|trumpet|plate|pipe|horn|drum"
    )
)
"""Things that may be of a material."""
PLACES = some(
    """the mill|the bridge|the harbour|the market|the school|the old tower|the inn|the well|the river|the lake|the forest|the
    hill|
    the beach|the barn|the bakery|the town hall|the station|the orchard|the churchyard|the ferry|the smithy|the library|the fair|
    the lighthouse|the meadow|the cave|the quarry|the garden of the doctor"""
)
SPOTS = some(
    """under the bed|behind the stove|in the well|on the roof|in the hay|under the stairs|in an old boot|behind the clock|in
    the cellar|
    under a stone|in the apple tree|on the window sill|behind the door|in the bread bin|under the bridge|in the attic|by the pump|
    in the boat shed|under the table|in a coat pocket|on the top shelf|in the rain barrel|behind the barn|in the hollow oak"""
)
FOODS = some(
    "bread|soup|cheese|apples|cake|honey|nuts|eggs|pie|pears|plums|butter|fish|beans|jam|milk|cherries|ham|pancakes|porridge"
)
ANIMALS = some("goat|cat|dog|hen|goose|horse|crow|owl|fox|hare|pig|duck|mouse|donkey|hedgehog|otter|sheep|cow|frog|parrot")
TRADES = some(
    """baker|miller|smith|fisher|tailor|teacher|doctor|sailor|shepherd|carpenter|gardener|potter|clerk|cook|farmer|weaver|
    ferryman|
    innkeeper|painter|judge"""
)

OPEN = (
    "[One|On a] [cold|warm|wet|grey|bright|windy|quiet] [morning|evening|day|afternoon]",
    "[Last|One] [spring|summer|autumn|winter]",
    "[Once|One day|A long time ago|Not long ago|Years ago|One Sunday|One market day|On the first day of May]",
    "[Before|After] [breakfast|supper|the fair|the harvest|the storm|school]",
    "[When|While] [the sun was still low|the bells were ringing|snow lay on the roofs|the others were asleep|it was raining]",
)
"""Each may stand before the first clause of a story: "One cold morning" or "Before the fair"."""

PLOTS: dict[str, tuple[str, ...]] = {
    "lost": (
        "[{open}, {a} could not find {a_his} {thing}.|{a} had lost {a_his} {thing}.|{open}, {a} [noticed|saw] that {a_his} "
        "{thing} was gone.|"
        "The {thing} of {a} was [nowhere to be seen|missing|gone].]",
        "?[It had been a gift from {c}.|{a} had bought it from a {trade} in {town}.|Without it {a_he} could not go to {place}.|"
        "{c} had given it to {a_him} on {a_his} birthday.]",
        "[First {a_he} looked {spot2}, but [there was only|all {a_he} found was] a {other}.|"
        "{a_He} looked {spot2} and found a {other}, but no {it_}.|"
        "{spot2} there was [nothing but dust|only a {other}|a sleeping {animal} and nothing else].]",
        '?["Have you seen my {thing}?" {a_he} asked {b}. "[Not today|I am sorry, no|No, but I will help you look]," said {b}.|'
        "{a_He} asked {b}, who [shook {b_his} head|knew nothing|had not seen it].|"
        '"[Think|Sit down and think]," said {b}. "Where [did you have|did you last see] the {it_}?"]',
        "[Then|At last|In the end|Much later] {b} [looked|had the idea to look|went to look] {spot}. "
        "[There it was!|There lay the {thing}.|And there the {it_} was.]",
        '["{thing_}!" cried {a}. "How did you get there?"|{a} [laughed|danced|was so glad that {a_he} sang].|'
        '"I put it there myself," said {a}. "I had forgotten."|"The {animal} must have carried it there," said {b}.]',
        "[Since then|From that day on] [the {thing} hangs by the door|{a} [ties|keeps] the {it_} on a string|"
        "{a} always looks {spot} first|{a} lends the {it_} to {b} on Sundays].|"
        "{a} gave {b} [some {food}|a {other}] [for it|as thanks], and [both were happy|that was that].|"
        "So the {thing} was found, and it was {b} who had found it.",
    ),
    "contest": (
        "[{open}, {a} and {b} [wanted to know|could not agree] who [could row faster|sang better|could carry more|baked the "
        "better bread].|"
        "{open}, there was a contest at {place}. {a} came, and so did {b}.|{a} and {b} both wanted to win at {place}.|"
        "There was something to be won at {place}, and both {a} and {b} came to try.]",
        "[{c} was the judge|The {trade} was to judge|They asked {c} to judge], [and the prize was a {thing}|and the winner "
        "was to have a {thing}|"
        "and a {thing} was there for the winner].",
        "?[{a} [had practised|practised] for {number} weeks, {b} [not once|only the evening before].|{b} [laughed|boasted] "
        "and said: "
        '"{a} will never beat me."|{b} was [taller|older|stronger], but {a} was [clever|patient|calm].]',
        "[They began at noon.|At the sign they began.|{c} rang a bell.] [{b} was ahead at first|At first {b} did better|{b} "
        "got off to a good start], "
        "[but then {b_he} [stopped to wave|looked back|grew tired|slipped]|but {a} [did not hurry|went on and on|kept calm]].",
        "[{a} got {number} points, {b} only {number2}.|Of the {number} people who were asked, most were for {a}.|In the end "
        "{a} was the first.|"
        "When it was over, {a} had won by {number2} points.]",
        '["[Well done|That was fair|You were better today]," said {b} [to {a}|and held out {b_his} hand].|{b} was [angry|'
        'sad] for an hour, '
        "and then [shook hands|laughed about it|came to supper].|Then the {thing} was given to {a}.]",
        "[{a} shared some {food} with {b}, and they [ate together|were friends again].|The one who [boasts|laughs] first "
        "[does not always win|may be sorry later].|The {thing} is still in the house of {a}.|Slow and steady, that is how {a} "
        "won against {b}.]",
    ),
    "repair": (
        "[{open}, the {thing} of {a} [broke|fell and broke|came apart].|{a} had a {thing} that [did not work|was broken|had a "
        "crack].|"
        "{open}, {b} [borrowed|took] the {thing} of {a} and broke it.]",
        '?["I can mend it," said {b}.|"Throw it away," said {c}. But {a} [did not want to|shook {a_his} head|would not].|'
        "It was the only {it_} in the house.|{a} had carried it all the way from {town}.]",
        "[{a} took it to the {trade} [in {town}|at {place}].|The {trade} at {place} [looked at it|turned it over] [for a long "
        "time|{number} times].|"
        "{a} and {b} went with it to the {trade} [in {town}|at {place}].]",
        '["[That will cost|I want] {number} marks," said the {trade}. {a} had only {number2}, so {a_he} [gave some {food} too|'
        'promised some {food}|'
        "worked there for a day].|They [tried glue|tried wax|tried a nail], then [string|wire|thread], and [nothing held|it "
        "fell apart again].]",
        "[Then|But then] {c} [came by|looked in] and [brought|lent {a_him}] a {other}. [With that it was easy.|That was just "
        "what they needed.|"
        '"Try this," {c_he} said, and it worked.]',
        "[Now|Today] the {thing} is [better than before|as good as new|a little crooked, but it works].|In the evening the "
        "{it_} [was whole again|"
        "stood on the table as if nothing had happened].",
        "[{a} [thanked|never forgot to thank] {c} for the {other}.|{b} was [very|so] glad, for {b_he} had [felt bad|hardly "
        "slept] all week.|"
        '"[Old things|Things that are mended] [last longest|are the best]," says {a}.|The {other} went back to {c}, with some '
        '{food} in it.]',
    ),
    "weather": (
        "[[One [morning|evening|night]|Not long ago|Years ago|One market day], [a storm|a great wind|heavy rain|thick fog|deep "
        "snow] came over {town}.|In {town} it [rained|snowed] for "
        "{number} days.|"
        "One [day|afternoon], the sky over {town} [turned black|grew dark].]",
        "[{a} was at {place} with a {animal}|{a} was on the way to {place}|{a} sat at home and was afraid for {a_his} {animal}], "
        "[and {b} was at {place2}|while {b} was still at {place2}|and nobody knew where {b} was].",
        '?["[Stay here|Wait until it is over]," said {c}. "[I cannot|No]," said {a}, "{b} is [alone|out there]."|{a_He} took '
        'a {thing} and [went out|'
        "set off].|Nobody else was [out|on the road].]",
        "[{a_He} [found|met] {b} [near|not far from] {place2}, [wet to the skin|under a tree|with a {thing} in {b_his} arms].|"
        "{b} [had seen|saw] a light: it was {a} with [the lantern|a lamp].|At {place2} {a_he} called [once|three times], and "
        "{b} answered.]",
        "[They [sat down|waited] in a barn and shared [some {food}|the last of the {food}].|{b} had [saved|brought] a {thing} "
        "and nothing else.|"
        '"[I knew|I hoped] you would come," said {b}.|They told each other stories until [it was light|it was over].]',
        "[The next morning|When it was over|At sunrise] [the sky was clear|the birds sang|all was calm], and a {thing} [hung|"
        "was found] in a tree.|"
        "[The next morning|Then] they walked home, {a} in front and {b} behind.|"
        "The wind had taken [the roof|the fence|{number} apple trees], but [nobody was hurt|all were alive].",
        "?[People in {town} still talk of it.|{a} keeps a {thing} [by|behind] the door to this day.|Since then {b} is never "
        "without a {thing}.|"
        "A house can be built again, a friend cannot.]",
    ),
    "secret": (
        "[{a} had a secret.|{open}, {a} found a {thing} {spot}.|{spot}, {a} kept a {thing} of which nobody knew.|{open}, {a} "
        "hid a {thing} {spot}.]",
        "[{a_He} told only {b}.|Only {b} knew of it.|{b} [saw|watched] {a_him} and asked: \"What is that {spot}?\"|{a_He} "
        "could not keep it to "
        "{a_himself} and told {b}.]",
        '["[Promise me|Give me your word] that you [tell nobody|will not tell {c}]," said {a}. "[I promise|You have my '
        'word]," said {b}.|'
        "{b} promised to say nothing, not even to {c}.|\"It is for {c}'s birthday,\" said {a}. \"[Not a word|Say nothing] to "
        "{c_him}.\"]",
        '?[But {c} [was curious|could see that something was up]. "What are you two whispering about?" {c_he} asked.|{c} '
        'asked {b} {number} times, '
        "and {b} [said nothing|talked about the weather].|It was hard for {b}, who [liked to talk|told everyone everything].]",
        "[{number} days later|On Sunday|At last the day came and] {a} [brought out|showed] the {thing}. [\"It is for you, "
        "{c},\" {a_he} said.|{a_He} gave "
        "it to {c}.|It was for {c}.]",
        "[{c} [did not know what to say|laughed and cried|had never had a {it_} before].|\"A {thing}!\" cried {c}. \"And it "
        "was {spot} all the time?\"|"
        "{c} had never looked {spot}.]",
        "[{b} had kept {b_his} word.|{b} was the gladdest of all, for now {b_he} could talk again.|And what did {c} do? "
        "{c_He} had a secret too: "
        "some {food} for {a} and {b}.|Two can keep a secret, if one of them is {b}.]",
    ),
    "visit": (
        "[{open}, {a} went to see {b} in {town}.|{b} lives in {town}. {open}, {a} came to visit.|{a} had not seen {b} for "
        "{number} years and went to {town} to visit {b_him}.|"
        "{open}, there was a knock at the door of {b}. It was {a}, who had come all the way to {town}.]",
        "[{a_He} brought [{food} and a {thing}|a {thing} and some {food}].|{a_He} had [packed|put] a {thing} and some {food} "
        "in {a_his} bag.|"
        "In {a_his} bag there [was|lay] a {thing}, a gift for {b}.]",
        '?["[Come in|Sit down], {a}!" [said|cried] {b}. ["How was the road?" "Long and wet,"|"Are you hungry?" "Very,"|"How '
        'long can you stay?" "Until Sunday,"] '
        "said {a}.|{b} [made tea|put soup on the fire|cut the bread] at once.|{c} was there too, [with a {animal}|and played "
        "a tune|asleep in a chair].]",
        "[They [talked|sat and talked] about {place}, [about|and about] {c}, and about the year when [the {animal} got into "
        "the church|it snowed in June|"
        "the bridge fell down].|In the evening they [walked|went] to {place}, and {b} told {a} how to {do}.|{a} stayed for "
        "{number} days and helped with {doing}.]",
        "[When {a} left|At the door|Before {a} went home], {b} gave {a_him} a {other}. [\"For the road,\" {b_he} said.|\"Do "
        "not lose it,\" said {b}.|"
        "{a} put it where the {it_} had been.]",
        "[So {b} has the {thing} now, and {a} the {other}.|Now the {thing} is in {town} with {b}, and the {other} is with {a}.|"
        "The {other} from {b} stands [on the table|by the window] of {a}, and when {a_he} sees it, {a_he} thinks of {town}.]",
    ),
    "promise": (
        "[{open}, {a} [promised {b} a {thing}.|said to {b}: \"[I will bring|Next week I bring] you a {thing}.\"]|{b} had lent "
        "{a} a {thing}. "
        "\"[I want it|Bring it] back on Sunday,\" said {b}.|{a} owed {b} a {thing}.]",
        "[But|Then] [{a} forgot|{a} had so much to do that {a_he} forgot|a week went by, and then another]. [Not so {b}.|{b} "
        "waited.|{b} did not forget.]",
        '?["Where is my {it_}?" asked {b}. "[Tomorrow|Soon|At {place}, I think]," said {a}.|{b} was too polite to ask, and '
        'told [only {c}|{c} about it].|'
        '"[A promise is a promise|You gave your word]," {c} said to {a}.]',
        "[So|Then] {a} went to {place}, but [there was no {it_} to be had|the {it_} there cost {number} marks, and {a_he} had "
        "{number2}|"
        "it was closed]. [At {place2}|In {town}] {a_he} found one at last.",
        "[{a_He} [walked|ran] all the way to {b} and [knocked|put it on the table].|{a_He} put a ribbon on it and took it to "
        "{b}.|In the night {a_he} left it "
        "{spot}, with a note: \"For {b}.\"]",
        '["[Better late than never|You see, I did not forget]," said {a}. {b} [laughed|smiled and took the {thing}].|{b} [was '
        'no longer angry|forgave {a_him}] '
        "and gave {a_him} some {food}.|Now {b} has a {thing}, and {a} can sleep again.]",
    ),
    "animal": (
        "[A {animal} and a {animal2} lived near {place}.|{open}, a {animal} met a {animal2} at {place}.|There was once a "
        "{animal} who had a {animal2} for a friend.|"
        "A {animal} [sat|stood] at {place} and was sad. [Then came|Along came] a {animal2}.]",
        '["What do you [want|wish for] most?" asked the {animal2}. "[A bit of {food}|Some {food}]," said the {animal}, "but '
        'it is {spot}."|'
        "The {animal} wanted the {food} that lay {spot}, but [could not reach it|was too small|was afraid].|"
        '"I am [hungry|cold|tired]," said the {animal2}. "[Is there|Have you] any {food}?" "Only {spot}," said the {animal}.]',
        "[\"[I can climb|I have strong legs|I am quick],\" said the {animal2}, \"[and you can carry|but you must keep watch].\"|"
        "[So|Then] they made a plan: the {animal2} was to [fetch it|climb up], and the {animal} to keep watch.|"
        "The {animal2} thought for a while. \"If you [sing for me|give me half of it|let me ride on your back], I will fetch "
        "it.\"]",
        "?[They had to wait until [it was dark|{a} had gone to bed|the house was quiet].|{a} saw them from the window and "
        "[laughed|said nothing].|"
        "Once a twig broke, and both stood still.]",
        "[Soon|In a moment] the {food} lay before them. [The {animal2} took the bigger half|They shared it|Each took half], "
        "and the {animal} "
        "[did not mind.|was content.|said: \"Thank you, {animal2}.\"]",
        "[A small friend can be a great help.|Alone each would have gone hungry.|When {a} looked {spot} in the morning, the "
        "{food} was gone.|"
        "If you pass {place} at night, you may see the {animal} and the {animal2} side by side.]",
    ),
    "journey": (
        "[{open}, {a} set out [from {town} for {town2}|for {town2} with a {animal} and a {thing}].|{a} had to take a {thing} "
        "from {town} to {town2}.|"
        "It is {number} miles from {town} to {town2}, and {a} meant to walk.]",
        "?[\"[Take|You will need] this {other},\" said {c} [at the door|and put it in {a_his} bag].|{a_He} had some {food} "
        "with {a_him}, and a {other}.|"
        "{c} said that the road was [long|bad], but {a} [went all the same|was not afraid].]",
        "[At {place} {a_he} met {b}, who [was going the same way|had lost the way|sat on a stone and could not go on].|"
        "The first day took {a_him} to {place}. There {b} [offered {a_him} a bed|asked where {a_he} was going].|By noon "
        "{a_he} came to {place}, where {b} was waiting.]",
        '["[Where are you going|How far is it], {a}?" asked {b}. "To {town2}," said {a}, "[with this {thing}|to {do}]."|'
        "They [walked|went on] together and [talked about {doing}|sang|shared the {food}].|{b} showed {a_him} [a short way|a "
        "path] past {place2}.]",
        "[The [bridge|road] was broken, and|Then a river lay before them, and] [they had to wade|they had to go back "
        "{number2} miles|a {trade} took them over in a boat].|"
        "In the night [it rained|a {animal} stole the {food}], [but they slept in a dry barn|and they had to laugh].",
        "[After {number2} days|When the sun went down|At last] [they saw the lights of {town2}|{a} stood at the gate of "
        "{town2}]. [The {thing} was [safe|dry and whole].|"
        "{a_He} sat down and took off {a_his} boots.]",
        "[{b} went on alone, [with a {other} to remember {a_him} by|and {a} gave {b_him} a {other}].|\"Next time I take the "
        "ferry,\" said {a}.|"
        "From {town} to {town2}: {a_he} tells of it even now.|The way is shorter with a friend.]",
    ),
    "mistake": (
        "[{open}, {a} and {b} both [left their bags|put down a box] at {place}. [They looked just the same.|Both were brown.]|"
        "{a} and {b} [had bags that looked alike|each had a black bag]. {open}, both bags stood at {place}.]",
        "[In the one of {a} there was a {thing}, in the one of {b} a {other}.|{a} carried a {thing} in it, {b} a {other}.]",
        "[{a} was in a hurry and took the wrong one.|It was dark, and each took the wrong one.|Then the bell rang, and in the "
        "rush they were mixed up.]",
        "[At home {a} [looked in|opened it] and [found|saw] [a {other}|the {other}]. \"[What is this|Where is my {it_}]?\" "
        "{a_he} cried.|"
        "{b} wanted to show {c} the {other}, and out came a {thing}. How {c} laughed!]",
        "?[{a} asked everyone at {place}. \"It must be {b}'s,\" said {c}.|{b} had [seen nothing yet|not yet looked].|{c} "
        "thought for a while. \"{b} was there too,\" {c_he} said.]",
        "[So {a} [went|walked] to {b} in {town}, and they changed back.|That evening they met at {place2} and changed back.|"
        "{a} and {b} met halfway, at {place2}.]",
        "[Now {a} has the {thing} again, and {b} the {other}.|The {thing} went back to {a} and the {other} to {b}.] [They "
        "have been friends ever since.|"
        "Since then {a} ties a ribbon to {a_his} bag.|And they ate some {food} together.|]",
    ),
    "lesson": (
        "[{open}, {a} wanted to {do}.|{a} had never learned to {do}.|\"[Can you teach me to|May I learn from you how to] {do}?\" "
        "{a} asked {b}.|In {town} nobody could {do} as well as {b}.]",
        "[{b}, the {trade}, [agreed to show {a_him}|was said to know all about it|lived near {place}].|{c} said: \"Ask {b}. "
        "{b_He} has done it for {number} years.\"|"
        "{b} put down {b_his} {thing} and thought.]",
        '["First, {first}," said {b}. "[That is the whole secret|The rest is easy|Then we shall see]."|"You must {first}," '
        'said {b}, "[and not too fast|and have patience]."|'
        "{b} told {a_him} to {first}.]",
        "[{a} tried [once, and it was no good|and failed|{number2} times]. [\"Again,\" said {b}.|\"[Everyone|Even I] began "
        "like that,\" said {b}.]|"
        "The first time [it went wrong|the {animal} next door ran away]. {a} [nearly gave up|was red in the face].]",
        "?[{c} [watched and smiled|brought them some {food}].|It took {number} days.|In the meantime the sun went down.]",
        "[But [on the next day|after a week|in the end] {a} could do it [nearly as well as|better than] {b}.|At last it was "
        "done, and [even {c}|everyone] was surprised.]",
        "[For thanks {a} gave {b} a {other}.|Now others come to {a} when they want to {do}.|\"Who taught you?\" people ask. "
        "\"It was {b},\" says {a}.|"
        "{a} still thinks of {b} when {doing}.]",
    ),
    "puzzle": (
        "[{open}, somebody had eaten the {food}.|The {food} [was gone|had been stolen] from the kitchen of {c}.|{open}, {c} "
        "came home, and the {food} was gone.]",
        "[It could only be {a}, {b} or the {animal}.|Three might have done it: {a}, {b} and the {animal}.|{c} thought of {a}, "
        "of {b}, and of the {animal} next door.]",
        '["Was it you, {a}?" asked {c}. "[No|Not I]," said {a}, "I was at {place}."|{a} had been at {place} the whole day: '
        'the {trade} had seen {a_him}.]',
        '["And you, {b}?" "[I do not even like {food}|I slept]," said {b}.|{b} had been busy with {doing} and had heard '
        'nothing.]',
        "?[{c} looked [at the floor|{spot}] and found a {thing}.|{c} sat down and thought.|\"Somebody is not telling the "
        "truth,\" said {c}.]",
        "[Then {a} pointed to the {animal}. It had crumbs [on its nose|all over it].|Then they heard a noise {spot}. There "
        "sat the {animal}, fat and happy.|"
        "Then the {animal} came in, slowly, and lay down. It was as round as a ball.]",
        "[So it was neither {a} nor {b}.|{c} said sorry to {a} and {b}.] [And {c} now keeps the {food} {spot2}.|They laughed "
        "until it was dark.|"
        "[In the end|That evening] there was [other|more] {food}, and the {animal} got none.]",
    ),
}  # fmt: skip
