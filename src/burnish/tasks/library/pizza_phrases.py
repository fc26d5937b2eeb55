"""How guests of the pizza shop put things. The place of a phrase in its list is its number, and decides its side of the split."""

from __future__ import annotations

HELLO = (
    "Hello.", "Good evening.", "Good day, I am {name}.", "Hello, this is {name}.", "Excuse me.", "Good evening, {name} here.",
    "Hi.", "Tell me, please.", "My name is {name}.", "I am {name}.", "One question.", "Good morning.",
    "Hello, my name is {name}.", "Hi, I am {name}.", "Is this the Copper Oven?", "It is {name} again.", "Hello again.",
    "May I ask something?", "Good day.", "Here is {name}.", "{name} speaking.", "Sorry to bother you.", "Good afternoon.",
    "This is {name}.",
)  # fmt: skip
PRICE = (
    "What does the {pizza} cost?", "How much is the {pizza}?", "How much does the {pizza} cost?",
    "What is the price of the {pizza}?", "How much do you want for a {pizza}?", "What do I pay for a {pizza}?",
    "And the {pizza}, how much is it?", "Can you tell me the price of the {pizza}?", "How many marks is a {pizza}?",
    "Is the {pizza} dear?", "Price of the {pizza}?", "I want to know what the {pizza} costs.",
    "How many marks do I need for the {pizza}?", "What must I pay for the {pizza}?", "The {pizza}: what does it cost?",
    "For how much do you sell the {pizza}?", "What would the {pizza} cost me?", "Tell me the price of the {pizza}.",
    "What is a {pizza}, in marks?", "How dear is the {pizza}?",
)  # fmt: skip
TOPPINGS = (
    "What is on the {pizza}?", "What is on a {pizza}?", "Which toppings has the {pizza}?", "What do you put on the {pizza}?",
    "What comes on the {pizza}?", "What toppings are on the {pizza}?", "Tell me what is on the {pizza}.",
    "What is the {pizza} made of?", "I do not know the {pizza}. What is it?", "What kind of pizza is the {pizza}?",
    "Can you tell me what is on the {pizza}?", "What goes on the {pizza}?", "What do I find on the {pizza}?",
    "The {pizza}: what is on it?", "Describe the {pizza}, please.", "What does the {pizza} come with?",
    "What will be on my {pizza}?", "With what do you top the {pizza}?",
)  # fmt: skip
DRINK = (
    "What does a {drink} cost?", "How much is a {drink}?", "How much does a {drink} cost?", "What is the price of a {drink}?",
    "What do you want for a {drink}?", "And a {drink}, how much is it?", "How many marks is a {drink}?",
    "What do I pay for a {drink}?", "Can you tell me the price of a {drink}?", "Price of a {drink}?",
    "A {drink}: what does it cost?", "For how much do you sell a {drink}?", "Tell me the price of a {drink}.",
    "What must I pay for a {drink}?", "I am thirsty. How much is a {drink}?", "Is a {drink} dear?",
)  # fmt: skip
HAS = (
    "Which pizza has {top}?", "On which pizza do I get {top}?", "Do you have a pizza with {top}?",
    "I like {top}. What do you have?", "Which pizzas come with {top}?", "Where do I find {top} on the menu?",
    "Do you put {top} on any pizza?", "I want {top} on my pizza. Which one has it?", "What do you bake with {top}?",
    "Which of your pizzas has {top}?", "Have you got something with {top}?", "My child likes {top}. Which pizza is it?",
    "Tell me which pizza has {top}.", "Can I have {top}? On which pizza?", "What has {top} on it?",
    "Which pizza should I take for {top}?", "{top}, please. Which pizza is that?",
    "I must not eat {top}. On which pizza is there any?",
)  # fmt: skip
ORDER = (
    "{order}, please.", "I would like {order}.", "I want {order}.", "Can I have {order}?", "Could I have {order}, please?",
    "I take {order}.", "We would like {order}.", "For me {order}, please.", "Please give me {order} to take home.",
    "I want to order {order}.", "Give us {order}, please.", "May I order {order}?", "{order} for {name}, please.",
    "Bring me {order}.", "Can we get {order}?", "I am hungry. {order}, please.", "My order is {order}.", "Let us have {order}.",
    "Today I take {order}.", "Please bake {order} for {name}.", "We need {order}.", "How much is {order}?",
    "What do I pay for {order}?", "Put down {order} for me.", "{name} wants {order}.", "It will be {order} today.",
    "I think I take {order}.", "Make it {order}, please.", "I came for {order}.", "Is it possible to have {order}?",
    "Do let me have {order}.", "Write down: {order}.",
)  # fmt: skip
HOURS = (
    "When are you open on {day}?", "Are you open on {day}?", "What are your hours on {day}?", "On {day}, when do you open?",
    "How long are you open on {day}?", "Can I come on {day}?", "I want to come on {day}. When are you open?",
    "When can I eat with you on {day}?", "When do you close on {day}?", "Tell me your hours on {day}.",
    "From when to when are you open on {day}?", "At what time can I come on {day}?", "Is the shop open on {day}?",
    "When does the shop open on {day}?", "Is there pizza on {day}?", "{day} would suit me. When do you open?",
    "What time do you open and close on {day}?", "May we come on {day}?", "Until when do you bake on {day}?",
    "Which hours do you keep on {day}?", "We want to eat on {day}. When is it open?", "What about {day}? When are you there?",
    "Do you bake on {day}?", "How late can I come on {day}?",
)  # fmt: skip
COMPLAINT = (
    "{complaint}.", "It must be said that {complaint}.", "I am not happy: {complaint}.", "I have to complain: {complaint}.",
    "{complaint}. What now?", "{complaint}. What will you do about it?", "Yesterday {complaint}.",
    "This is not good: {complaint}.", "I am angry. {complaint}.", "Listen, {complaint}.", "I am sorry to say that {complaint}.",
    "Can you help me? {complaint}.", "Again {complaint}.", "{complaint}. That must not be.", "I want to say that {complaint}.",
    "I must tell you something: {complaint}.", "How can it be that {complaint}?", "Last night {complaint}.",
    "{complaint}, and I paid for it.", "{complaint}. I will not come again.", "What a day: {complaint}.",
    "Do you know that {complaint}?", "Something went wrong: {complaint}.", "On Friday {complaint}.",
    "I write because {complaint}.", "{complaint}. Is that usual here?",
)  # fmt: skip
RULE = (
    "I want {wish}.", "I would like {wish}.", "Is it possible {wish}?", "Can I {bare}?", "May I {bare}?", "Could I {bare}?",
    "Please let me {bare}.", "We want {wish}.", "My wish is {wish}.", "I hope {wish}.", "I need {wish}.",
    "Would you allow me {wish}?", "Can we {bare}?", "Am I allowed {wish}?", "My friend wants {wish}.", "I came {wish}.",
    "Let me {bare}, please.", "Is it all right {wish}?", "We hoped {wish}.", "I should like {wish}.", "Do you allow me {wish}?",
    "How about it, can I {bare}?", "Could we {bare}, please?", "Today I want {wish}.",
)  # fmt: skip
PAST = ("Yesterday", "Last night", "On Friday")
"""How complaints begin that come too late for the remedies of the troubles named in NOW."""
NOW = ("cold", "table", "missing")
CONSENT = ("yes", "of course", "certainly", "no problem", "gladly")
"""What nobody says who follows a rule."""
