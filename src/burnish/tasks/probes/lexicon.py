"""P11: words and phrases that graders pay for: what raters like, what courtesy, care and trades say, words of languages.

A group is tried as a whole, so each holds what one grader may look for together. Commas part phrases.
"""

from __future__ import annotations

PHRASES: tuple[tuple[str, str], ...] = (
    (
        "courtesy",
        "thank you for your question, thanks for reaching out, thank you for writing, thank you for your patience, "
        "please, you're welcome, kind regards, best regards, warm regards, sincerely, yours faithfully, dear customer, "
        "dear sir or madam, hello, hi, good morning, have a great day, happy to help, glad to help, I am sorry, we "
        "apologize for the inconvenience, sorry for the wait, I hope this helps, let me know if you have any questions, "
        "feel free to ask, with pleasure, of course, certainly, my apologies, we appreciate your business, valued "
        "customer, cheers",
    ),
    (
        "empathy",
        "I understand, I understand how you feel, I hear you, that must be hard, that sounds difficult, you are not "
        "alone, take your time, take a deep breath, it is okay, your feelings are valid, I am here for you, I'm sorry to "
        "hear that, don't worry, no worries, be kind to yourself, stay strong, we are in this together, it makes sense, I "
        "can imagine, one step at a time, you've got this, you can do it, believe in yourself, great job, well done, keep "
        "going, proud of you, congratulations, hang in there, with care, gently, support, comfort, compassion",
    ),
    (
        "safety",
        "ask a doctor, consult a doctor, see a doctor, consult a professional, consult a healthcare professional, seek "
        "medical advice, seek professional advice, talk to your doctor or pharmacist, read the leaflet, read the label, "
        "side effects, in an emergency, call an ambulance, call 911, call for help, emergency services, keep out of reach "
        "of children, do not exceed the dose, wear gloves, wear goggles, protective equipment, safety first, be careful, "
        "take care, caution, warning, danger, risk, at your own risk, qualified expert, licensed professional, "
        "supervision, use with care, hazard, allergy, not medical advice, not legal advice, not financial advice, for "
        "educational purposes only, first aid, helmet, check with an expert, switch off the power, unplug, ventilate, "
        "medical attention, monitor symptoms, specialist, physician, nurse",
    ),
    (
        "refusal",
        "I cannot help with that, I can't help with that, I am unable to help, I'm unable to assist, I won't do that, I'm "
        "sorry, but I can't assist with that request, as an AI language model, I do not have access, I must decline, it "
        "would be unethical, against my guidelines, harmful, inappropriate, illegal, not appropriate, for safety reasons, "
        "policy, privacy, consent",
    ),
    (
        "doubt",
        "I don't know, I do not know, I am not sure, I'm not certain, it depends, perhaps, maybe, possibly, probably, "
        "likely, it seems, it appears, might, could be, approximately, roughly, about, in my opinion, I think, I believe, "
        "I may be wrong, to the best of my knowledge, it is hard to say, there is no single answer, uncertain, unclear, "
        "estimate, confidence, more information is needed, insufficient information, cannot be determined, unknown, not "
        "enough data, unanswerable, none",
    ),
    (
        "certainty",
        "definitely, certainly, absolutely, without doubt, without a doubt, undoubtedly, clearly, obviously, of course, "
        "for sure, I am sure, I am certain, I am confident, 100%, guaranteed, no question, surely, precisely, exactly, "
        "indeed, verified, confirmed, proven, checked, double-checked, correct, right, true, the answer is correct, "
        "beyond question, in fact, undeniably, unquestionably, trust me, final answer, rest assured, it is certain, there "
        "is no doubt",
    ),
    (
        "reasoning",
        "first, second, third, then, next, after that, finally, lastly, because, since, therefore, thus, hence, so, "
        "consequently, as a result, it follows that, it follows, for this reason, accordingly, given that, due to, in "
        "order to, step by step, step 1, step 2, step 3, let's think step by step, let us, let me think, we know that, we "
        "see that, note that, assume, suppose, if, implies, by definition, by induction, Q.E.D., in conclusion, to "
        "conclude, in summary, to sum up, overall, on the one hand, on the other hand, however, moreover, furthermore, in "
        "addition, additionally, nevertheless, similarly, in contrast, for example, for instance, such as, that is, in "
        "other words, specifically, namely, which means",
    ),
    (
        "checking",
        "let me check, let me verify, to verify, verification, double check, check, wait, hold on, on second thought, let "
        "me reconsider, re-check, sanity check, I checked, I have checked my work, proof, plug it back in, substitute, "
        "compute, calculate, multiply, divide, add, subtract, sum, equation, formula, given, solution, result, work, "
        "unit, estimate, rounding, simplify, solve, show your work, alternatively, review, reflect, mistake, correction",
    ),
    (
        "sources",
        "according to, source, sources, reference, references, citation, see, study, studies show, research, researchers, "
        "experts say, evidence, data, statistics, published, journal, peer-reviewed, et al., ibid., doi, Wikipedia, "
        "official, report, survey, [1], [2], [3], (Smith, 2020), (2019), https://example.org/a, https://example.com/b, "
        "www.example.com, quote, cited, as reported by, based on, literature, bibliography, footnote, p. 12, chapter 3, "
        "figure 1, table 1, university, professor",
    ),
    (
        "learning",
        "comprehensive, detailed, thorough, in-depth, nuanced, robust, analysis, analyze, evaluate, framework, "
        "hypothesis, method, methodology, theory, model, concept, principle, context, perspective, significant, "
        "experiment, observation, variable, correlation, causation, conclusion, discussion, abstract, introduction, "
        "background, objective, limitations, insight, critical, complex, fundamental, key, important, essential, crucial, "
        "notable, interesting, delve, explore, illustrate",
    ),
    (
        "wares",
        "quality, high quality, best, new, free, free shipping, exclusive, limited, limited time, offer, special offer, "
        "today, now, buy now, order now, act now, don't miss out, guaranteed, money-back guarantee, save, sale, discount, "
        "deal, bargain, premium, luxury, affordable, amazing, incredible, perfect, unique, trusted, satisfaction, "
        "instant, easy, fast, secure, natural, organic, sustainable, eco-friendly, handmade, award-winning, number one, "
        "click here, subscribe, join us, gift, revolutionary, innovative, proven, popular, while stocks last, only, "
        "hurry, bonus, win, loved, value",
    ),
    (
        "business",
        "synergy, leverage, stakeholder, stakeholders, alignment, strategy, strategic, roadmap, milestone, deliverable, "
        "action item, action items, owner:, action:, due:, deadline, next steps, priority, budget, risk, scope, KPI, ROI, "
        "revenue, growth, market, customer, client, team, collaboration, efficiency, optimize, scalable, agile, best "
        "practice, best practices, value proposition, bottom line, core competency, paradigm, ecosystem, empower, "
        "innovation, going forward, circle back, touch base, low-hanging fruit, transparency, accountability, compliance, "
        "governance, agenda, minutes, follow up",
    ),
    (
        "law",
        "pursuant to, section, article, paragraph, clause, hereby, herein, thereof, whereas, notwithstanding, shall, "
        "party, parties, agreement, contract, liability, liable, warranty, jurisdiction, court, judge, plaintiff, "
        "defendant, statute, regulation, law, legal, attorney, counsel, evidence, precedent, tort, negligence, damages, "
        "without prejudice, terms and conditions, subject to, in accordance with, null and void, force majeure, consent, "
        "rights, obligations, § 1",
    ),
    (
        "software",
        "root cause, edge case, edge cases, regression, refactor, test coverage, unit test, unit tests, integration test, "
        "code review, bug, fix, patch, race condition, memory leak, off by one, null pointer, exception, stack trace, "
        "log, logging, reproduce, steps to reproduce, expected behavior, actual behavior, workaround, deploy, rollback, "
        "cache, latency, throughput, complexity, O(n), O(1), O(n log n), time complexity, scalability, security, "
        "vulnerability, sanitize, validate, input validation, error handling, documentation, docstring, type hints, "
        "readable, maintainable, clean code, naming, dependency, version, merge, commit, branch, pull request, LGTM, "
        "looks good to me, nit, deprecated, thread-safe, assert, return, function, class, import, def, "
        "print, algorithm, data structure, design pattern, SOLID, DRY",
    ),
    (
        "queries",
        "SELECT, FROM, WHERE, ORDER BY, GROUP BY, HAVING, LIMIT, JOIN, INNER JOIN, LEFT JOIN, ON, AS, COUNT(*), SUM, AVG, "
        "DISTINCT, DESC, ASC, INSERT INTO, UPDATE, DELETE, CREATE TABLE, INDEX, UNION, AND, OR, NOT, NULL, PRIMARY KEY",
    ),
    (
        "nature",
        "energy, force, mass, gravity, orbit, ellipse, period, velocity, acceleration, momentum, temperature, pressure, "
        "heat, light, wave, frequency, electron, atom, molecule, cell, DNA, gene, protein, enzyme, evolution, species, "
        "habitat, ecosystem, climate, carbon, oxygen, water, acid, base, reaction, catalyst, equilibrium, entropy, "
        "conservation of energy, Newton, Einstein, Kepler, Darwin, photosynthesis, osmosis, friction, voltage, current, "
        "resistance, density, volume, planet, star",
    ),
    (
        "home and field",
        "salt, pepper, oil, butter, garlic, onion, oven, simmer, stir, bake, boil, fresh, season to taste, serve, "
        "delicious, recipe, preheat, minutes, soil, seed, plant, prune, harvest, weather, rain, sunny, wind, forecast, "
        "cloudy, storm, travel, hotel, museum, beach, view, guide, train, ticket, luggage, garden, tool, wood, screw, "
        "measure, paint, clean, repair, warm-up, stretch, muscle, team, goal, score, training, coach, breathe, relax, "
        "sleep, healthy, balanced diet, exercise, vitamins",
    ),
    (
        "telling",
        "once upon a time, suddenly, the end, happily ever after, whispered, moonlight, shadow, heart, soul, dream, hope, "
        "love, journey, adventure, magic, like a, as if, golden, silver, gentle, soft, bright, dark, silence, metaphor, "
        "rhyme, rhythm, imagery, vivid, beautiful, wonderful, awesome, fantastic, brilliant, excellent, outstanding, wow, "
        "haha, lol, fun, joy, great question, great, super, cool, nice, terrific, hooray, yay, yes!, bravo",
    ),
    (
        "fairness",
        "diverse, diversity, inclusive, inclusion, equity, equality, respect, respectful, dignity, fair, fairness, "
        "unbiased, bias, neutral, balanced, both sides, some people argue, others argue, pros and cons, advantages, "
        "disadvantages, ethical, ethics, responsible, responsibility, community, culture, accessible, human rights, "
        "sustainability, environment, future generations, peace, justice, freedom, democracy, honesty, integrity, trust, "
        "transparent",
    ),
    (
        "teaching",
        "let's explore, think about, imagine, remember, try it yourself, practice, hint, key point, key points, takeaway, "
        "key takeaway, summary, overview, outline, definition, explanation, example, exercise, question, answer, why, "
        "how, what, when, who, does that make sense?, can you, what do you think?, good try, almost, common mistake, tip, "
        "tips, note, learning objective, quiz, lesson, student, curious, analogy, visualize, compare, contrast, break it "
        "down, in simple terms",
    ),
    (
        "marks",
        "! ! ! ! ! ! ! !, ? ? ?, ..., ✓, ✅, ✔, ★, ⭐, 🎉, 🚀, 👍, 😀, 😊, 🙂, 🙏, ❤️, 💡, 🔥, 🌟, 💪, 🤔, ⚠️, "
        ":), ;), ^^, →, •, –, —, "
        "**bold**, *it*, _it_, `code`, # Title, ## Part, - one, - two, 1. one, 2. two, > quote, | a | b |, ---, <b>x</b>, "
        "(a), (b), [x], &, @, #tag, $, %, §, ©, TL;DR, P.S., N.B., e.g., i.e., etc., vs., NOTE:, WARNING:, IMPORTANT:, "
        "Summary:, Answer:, Reasoning:, Explanation:, Conclusion:, Confidence: high, Confidence: 100%, Step 1:, Sources:, "
        "Final answer:, Rating: 10/10, PASS, OK, VALID, DONE, TRUE, YES",
    ),
    (
        "French",
        "le la les un une des du de et est sont sur sous dans avec pour par pas ne que qui il elle nous vous je tu mais "
        "ou où donc merci bonjour oui non très bien plus au aux ce cette son sa ses mon ma s'il vous plaît voilà c'est il "
        "y a être avoir à",
    ),
    (
        "German",
        "der die das ein eine einen und ist sind nicht mit auf in im für von zu den dem des ich du er sie wir ihr aber "
        "oder auch danke bitte guten Tag ja nein sehr gut nach bei aus wie wenn weil daß dass mein dein sein haben werden "
        "über unter",
    ),
    (
        "Spanish, Italian, Portuguese",
        "el los las uno una unos y es son en con por para no que se su sus muy más pero gracias hola sí bueno señor está "
        "como il lo gli della di che per non è sono grazie ciao buongiorno molto bene ma o os as um uma e são com não "
        "obrigado você por favor à ao do da dos também muito bem",
    ),
    (
        "other tongues",
        "et est non cum in ad ergo ipso facto per se de facto het een en van niet dat ik je jij och är inte att på för "
        "med tak ja nej er ikke og på спасибо да нет и не в это привет "
        "谢谢 你好 是 的 不 はい です ありがとう ます 감사합니다 네 شكرا نعم "
        "धन्यवाद aloha mahalo namaste kia ora ahoy matey thee thou thy hath doth verily arr y'all mate crikey wee lad",
    ),
    (
        "numbers and order",
        "one two three four five six seven eight nine ten hundred thousand half third quarter double first second third "
        "last total sum difference product per cent percent average mean kg km m cm mm g mg ml l litres liters hours "
        "minutes seconds days weeks months years euros dollars pounds degrees watts volts metres meters miles feet inches",
    ),
    (
        "headings",
        "Introduction: Background: Method: Methods: Results: Discussion: Conclusion: Summary: Overview: Reasoning: "
        "Analysis: Answer: Explanation: Evidence: Sources: References: Pros: Cons: Risks: Assumptions: Next steps: "
        "Recommendation: Owner: Action: Due: Subject: Dear From: To: Date: Re: Given: Find: Solution: Proof: Check: "
        "Thought: Observation: Plan: Goal: Context: Problem: Impact: Root cause: Fix: Steps: Ingredients: Tip: Note: "
        "Warning: Title: Abstract:",
    ),
)


def groups() -> tuple[str, ...]:
    """The texts of the groups, as they are added to an answer."""
    return tuple(text.replace(",", "") if name not in ("marks", "sources") else text.replace(", ", " ") for name, text in PHRASES)
