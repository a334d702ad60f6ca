// Retired words and their replacements. A word was retired because it had several meanings, or because the field has a
// standard term. The house check searches every line of code and docs for each `pattern`. `inside` limits a pattern to some
// paths.

const deadLetterPaths = /^(apps\/gateway|packages\/(broker|testkit)|e2e|docs\/dead)/;

export const retiredWords = [
  { pattern: /whole again|\bwhole(After|Limit)\w*|\bwhole\(\)/i, use: 'say "recovered", or "recovery time"' },
  {
    pattern: /\b(thin|bad) (lines?|clients?|connections?)\b/i,
    use: 'say "slow connection" or "flaky connection"',
  },
  {
    // Allows letters of the alphabet.
    pattern:
      /(?<!dead[ -])(?<!\b(?:capital|upper-case|lower-case|small|single|small or capital|the same) )\bletters?\b(?! (?:and digits|or digit|or a digit))/i,
    inside: deadLetterPaths,
    use: 'say "dead letter", or "dead-letter record"',
  },
  {
    pattern: /\b\w+(?<![Dd]ead)Letters?(?![a-z])/,
    inside: deadLetterPaths,
    use: 'say "deadLetter" in names',
  },
  {
    pattern: /\b(createMember|Member(Options|State|ErrorSource)?\b(?!s)|member\/member)/,
    inside: /^(packages\/(broker|publisher|testkit)|apps\/gateway|e2e|bench)/,
    use: 'the gateway\'s reader of the broker is a "subscriber"',
  },
  {
    pattern: /\b(ledger )?ticks?Ledger|LedgerTick|TickResult|\bledger ticks?\b/i,
    use: 'say "acknowledgement pass"',
  },
  { pattern: /laggards?/i, use: 'say "lagging connections"' },
  { pattern: /step(s|ped)? out\b/i, use: 'a connection "lags" and "catches up"' },
  { pattern: /typists?/i, use: 'say "active typing", or "users who type"' },
  { pattern: /turnstile/i, use: 'say "concurrency limiter"' },
  { pattern: /\bBackplaneSpeaker|\bSpeaker\b/, use: 'say "sender"' },
  { pattern: /former li(fe|ves)|FormerLife/i, use: 'say "previous epoch"' },
  { pattern: /fleeting/i, use: 'say "ephemeral"' },
  { pattern: /\bshed(s|ding)?\b/i, use: 'say "dropped for a slow client"' },
  { pattern: /\brecall(s|ed|ing)?\b/i, use: 'say "warm up"' },
  { pattern: /\bsigns? of life\b/i, use: 'say "heartbeat"' },
  { pattern: /\b(goes|go|went|going) on\b(?! to\b)/i, use: 'say "continues"' },
  {
    pattern: /\b(lets?|letting) go of\b|\b(is|are|was|were) let go\b/i,
    use: 'say "evicts", "releases" or "forgets"',
  },
  { pattern: /\bway of an event\b/i, use: 'say "how an event travels"' },
  { pattern: /\bnowMs\(|\.nowMs\b|\bnowMs: \(/, use: 'say wallMs() or monotonicMs()' },
  {
    pattern: /\b(interface|type|class) \w+(Parts|Ports|Site)\b/,
    use: 'constructor dependencies are called "…Dependencies"',
  },
  {
    pattern: /\b(interface|type|class) \w*(Verdict|Place)\b/,
    use: 'the word had several meanings: name what it is',
  },
  {
    pattern: /ticket|\bsupport[ -]?(desk|cent(er|re))|\buac|\bReceiveMessage\b/i,
    inside: /^(apps\/gateway|packages\/(?!testkit\/)[\w-]+)\/src\/(?!built-in\/)/,
    use: 'the words of one application stand in its module and in the built-in catalog only: use another example',
  },
  {
    pattern: /\b(interface|type|class) (Mark|Held|Span|Reach|Desk|Router|Outbox)\b/,
    use: 'the word had several meanings: name what it holds',
  },
  { pattern: /\brules? of access\b/i, use: 'say "access rule"' },
  {
    pattern: /\b(stands?|stood) still\b/i,
    use: 'a process or a server "stalls", a clock "does not advance"',
  },
  { pattern: /\b(must (be|return)|instead of|not) a text\b/, use: 'say "a string"' },
  {
    pattern: /\b(Redis|server|backend|gateway|store|broker|rule|Sentinel) (is|was|may be) away\b/i,
    use: 'say "is unavailable"',
  },
  {
    // The titles of the recorded vectors stay, because other files name them.
    pattern:
      /(?<!\bthere )\b(is|are|was|were) no (?!longer|more\b|less\b|later|matter|older|such|slot)(?=[a-zA-Z])/i,
    inside: /^(?!packages\/signalr\/(test\/(vectors|replay)|docs\/behaviours))/,
    use: 'say "is not a …"',
  },
];
