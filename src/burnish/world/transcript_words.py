"""What conversations are made of: interruptions, ways back to what was talked of, greetings and farewells.

In the notation of `grammar.expand`; {a} is who speaks, {b} who is spoken to, {c} somebody else.
"""

from __future__ import annotations

# Each interruption: what breaks in and what is said of it, a turn each; the speaker of the first breaks off.
INTERRUPTIONS: tuple[tuple[str, ...], ...] = (
    ("[Wait|One moment|Excuse me], [there is someone at the door.|did you hear the door?|that was a knock.]", "[Go and see|I "
    "can wait]."
     " [It may be|Is it] {c}?", "[It was|Only] {c}, [with a letter|with some {food}|who wanted to borrow a {thing}].",
     "[How nice|{c} again|So early], [and|but] [that is that|now the door is shut]."),
    ("[Look|Oh dear], [the {animal} is in the kitchen|the {animal} got out]!", "[Quick|Shut the door], [take it outside|I "
    "have it|catch it]!",
     "[There|So], it is in the yard now. [What a day|It ate some {food}].", "[That {animal} is never still|It only wanted "
     "company]."),
    ("[Before I forget|By the way], what time is it?", "[It is|Just] {number} o'clock.", "[So late|So early]? [Then I have an "
    "hour|I must not stay too long]."),
    ("[Before I forget|By the way], when does the ferry leave?", "[At {number}|The ferry leaves at {number}|At {number} "
    "today, not at {number2}].", "[Good|Then there is time]. [I take it|{c} is coming with it]."),
    ("[Sorry to break in|By the way], have you seen {c} [lately|today]?", "[Yes|Indeed], [at {place}|in {town}], with a {thing}.",
     "[That is good to hear|So {c} is well again|Then I know enough]."),
    ("[Hush|Listen], [the baby is awake|the child is crying|little {c} is calling].", "[Take your time|Go, I will wait here].",
     "[All is quiet now|Asleep again]. [It was only a dream|{c} wanted some milk].", "[Good|Poor thing]."),
    ("[Wait|Stop], [my pot is boiling over|something is burning|I left the {food} on the fire]!", "[Take it off|Run], [I "
    "can wait|I smell it too]!",
     "[It is saved|Only a little black]. [Sorry for that|You may have some later]."),
    ("[Tell me first|One other thing], how much is {sum1} and {sum2}?", "[That is|It makes] {sum}. [Why do you ask|What is it "
    "for]?",
     "[I owe that to {c}|So many eggs I have|For the {food} that I sold]. [Thank you|Good]."),
    ("[Ah|Look there], {c} is [waving|standing outside].", "[Wave back|Good day, {c}]! [We are busy|Come again later].",
     "[{c} has gone on|Now {c} is off] to {place}."),
)  # fmt: skip
BACK = (
    "[Now|So], back to {doing}.", "[Now|So], back to the {noun}.", "Where were we? [Ah yes|Right], {doing}.",
    "We were talking about {doing}.",
    "[But|Now] you wanted to {do}.", "[And now|Well, now] the {noun} again.", "Let us go on with {doing}.", "Let us come back to "
    "{doing}.",
    "Where were we with the {noun}?", "So, {doing}. [Where did I stop?|]", "You were asking about {doing}.",
    "[Once more|Now], about the {noun}.",
)  # fmt: skip
FIRST = ("First [of all|], ", "You [must|should] ", "Begin like this: ", "You ")
NEXT = ("Then ", "Next, ", "After that, ", "And then ", "Now ", "", "The next thing: ")
ANSWERS = {
    "what sound": "[It creaks|It whistles|None at all|Something like a cough]",
    "colour the": "[Brown|Black|They were red once]",
    "which colour": "[Green|Blue|Something dark|I leave that to {c}]",
    "which string": "[The first|The third|The thin one]",
    "looked at": "[None yet|All that I could reach|Only the outside]",
    "what the": "[Wood|Stone|Brick, I think]",
}
"""To questions that begin with "what" or "which" and hold these words."""
HEADINGS = (
    "At {place}", "{a} and {b}", "{a} meets {b} at {place}", "A talk at {place}", "({a} and {b}, in the kitchen)",
    "Overheard at {place}",
    "{b} and {a}, {season}", "Two neighbours", "(It is {season}. {a} and {b} are at {place}.)", "Scene {number}",
    "Over the fence", "In {town}",
)  # fmt: skip
HELLO = (
    "[Good morning|Good day|Good evening|Hello], {b}.", "{b}, [there you are|how good to see you]!", "Ah, {b}!",
    "[Hello|Good day], {b}, [how are you|is all well]?",
    "{b}, [have you a moment|can I ask you something]?", "",
)  # fmt: skip
BYE = (
    ("[Thank you|Many thanks], {b}.", "[You are welcome|Any time], {b}."), ("I must [go|run].", "[Until tomorrow|Good luck], "
    "then."),
    ("[Good|Fine]. I will tell you how it went.", "[Do that|Please do], {b}."), ("You are a good friend, {b}.",
    "[And you|So are you], {b}."),
    ("[Come|You must come] and see [me|how it goes].", "I will, and I bring some {food}."), ("[So that is that|That is all I "
    "wanted].", "Then good night, {b}."),
)  # fmt: skip
OPEN_CHORE = (
    "[I must|I have to|I want to|I mean to|I promised to] {do}[ today| before supper| this week|].",
    "{c} [asked me to|wants me to|says that I should] {do}.",
    "[Who|Do you know who] could help me to {do}?", "[Have you time|Would you come]? I [have|want] to {do}.",
    "I need [|some ]help with {doing}.", "[Today|Tomorrow] it is my turn to {do}.", "[We|You and I] [should|ought to] {do}.",
    "I am [busy with|in the middle of] {doing}.",
)  # fmt: skip
TAKE_UP = (
    "[So|Ah,] you [want|mean|have] to {do}? [Good|I can help|Gladly|Then let us begin].", "{doing}? [I have never tried that|"
    "I did that last year|With pleasure|Why not]!",
    "[Good|Fine], I will help you to {do}.", "[Ah|Oh], {doing}. [That takes time|My {trade} is good at that|I like that].",
    "About {doing} I [can|could] tell you [a lot|something].", "To {do}, you need [patience|two hands|a {thing}].",
    "[Not everyone can|It is not easy to] {do}.", "The {noun}? [Of course|Then you must {do} before noon].",
    "[Let me see|Hm]. You want to {do}, and [I|{c}] should help?",
)  # fmt: skip
GO_ON = (
    "[Where|How] do we [begin|start]?", "How long does {doing} take?", "[Is|Was] {doing} hard?",
    "Have you [seen|got] the {noun}?",
    "Last time {c} wanted to {do}, and [it rained|nobody came|it went well].", "The {noun} is [here|in the yard|at {place}].",
    "[I hope|They say] that {doing} is good for [the back|a bad mood].", "I thought so.", "[And what|What] do I need to {do}?",
)  # fmt: skip
DONE = {
    "a": (
        "So, that is {doing} done.", "[Good|Then] let us {do} now.", "[Thank you|Thanks], {b}. Now I can {do}.",
        "[Nothing|No one] shall keep me from {doing}.", "Then I [will|shall] {do} [tomorrow|on Sunday|before supper].",
    ),
    "b": (
        "So, that is {doing} done.", "[Good|Then] let us {do} now.", "[Call me|Tell me] when you {do}.",
        "Then [good luck|all the best] with the {noun}.", "I [will|shall] {do} with you [tomorrow|on Sunday].",
    ),
}  # fmt: skip
"""Last words about a chore, of who has it and of the other."""
