//! As much of Rust as a test of messages has to read: names, texts, signs, calls. Comments, characters, lifetimes and what
//! is compiled for tests only are passed over.

use ackone::messages::Severity;

/// A piece of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An identifier or keyword.
    Name(String),
    /// A string literal, unescaped.
    Text(String),
    /// Anything else that is not space.
    Sign(char),
}

/// A call that is handed a summary.
#[derive(Debug)]
pub(crate) struct Call {
    /// Line of the call.
    pub(crate) line: usize,
    /// The argument that is the summary.
    pub(crate) argument: Vec<Token>,
    /// What the constructor makes of it, if it says so.
    pub(crate) severity: Option<Severity>,
}

/// The pieces of a source with their lines.
pub(crate) fn tokens(text: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let (mut found, mut index, mut line) = (Vec::new(), 0, 1);
    while index < chars.len() {
        let start = index;
        match at(index) {
            '/' if at(index + 1) == '/' => {
                while index < chars.len() && at(index) != '\n' {
                    index += 1;
                }
            }
            '/' if at(index + 1) == '*' => {
                while index < chars.len() && !(at(index) == '*' && at(index + 1) == '/') {
                    index += 1;
                }
                index += 2;
            }
            '"' => {
                let (text, end) = plain_text(&chars, index + 1);
                found.push((line, Token::Text(text)));
                index = end;
            }
            '\'' if at(index + 1) == '\\' || at(index + 2) == '\'' => {
                index += if at(index + 1) == '\\' { 3 } else { 2 };
                while index < chars.len() && at(index) != '\'' {
                    index += 1;
                }
                index += 1;
            }
            '\'' => index += 1,
            first if first.is_alphanumeric() || first == '_' => {
                while at(index).is_alphanumeric() || at(index) == '_' {
                    index += 1;
                }
                let name: String = chars[start..index].iter().collect();
                let hashes = chars[index..].iter().take_while(|char| **char == '#').count();
                if ["r", "br", "cr"].contains(&name.as_str()) && at(index + hashes) == '"' {
                    let (text, end) = raw_text(&chars, index + hashes + 1, hashes);
                    found.push((line, Token::Text(text)));
                    index = end;
                } else {
                    found.push((line, Token::Name(name)));
                }
            }
            sign => {
                if !sign.is_whitespace() {
                    found.push((line, Token::Sign(sign)));
                }
                index += 1;
            }
        }
        line += chars[start..index.min(chars.len())].iter().filter(|char| **char == '\n').count();
    }
    found
}

/// A text from behind its opening quote, and where it ends.
fn plain_text(chars: &[char], mut index: usize) -> (String, usize) {
    let mut text = String::new();
    while let Some(char) = chars.get(index) {
        match char {
            '"' => return (text, index + 1),
            '\\' => {
                index += 1;
                match chars.get(index) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('\n') => {
                        while chars.get(index + 1).is_some_and(|next| next.is_whitespace()) {
                            index += 1;
                        }
                    }
                    Some(other) => text.push(*other),
                    None => {}
                }
            }
            other => text.push(*other),
        }
        index += 1;
    }
    (text, index)
}

fn raw_text(chars: &[char], start: usize, hashes: usize) -> (String, usize) {
    let mut index = start;
    while index < chars.len() {
        let closing =
            chars[index] == '"' && chars[index + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        if closing {
            return (chars[start..index].iter().collect(), index + 1 + hashes);
        }
        index += 1;
    }
    (chars[start..].iter().collect(), index)
}

fn sign(tokens: &[(usize, Token)], index: usize) -> Option<char> {
    match tokens.get(index) {
        Some((_, Token::Sign(sign))) => Some(*sign),
        _ => None,
    }
}

fn name(tokens: &[(usize, Token)], index: usize) -> Option<&str> {
    match tokens.get(index) {
        Some((_, Token::Name(name))) => Some(name),
        _ => None,
    }
}

/// Leaves out every item behind `#[cfg(test)]`.
pub(crate) fn without_tests(tokens: &[(usize, Token)]) -> Vec<(usize, Token)> {
    let mut kept = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let marked = sign(tokens, index) == Some('#')
            && sign(tokens, index + 1) == Some('[')
            && name(tokens, index + 2) == Some("cfg")
            && sign(tokens, index + 3) == Some('(')
            && name(tokens, index + 4) == Some("test")
            && sign(tokens, index + 5) == Some(')');
        if !marked {
            kept.push(tokens[index].clone());
            index += 1;
            continue;
        }
        // Up to the end of the item: a semicolon, or the brace that closes its first one.
        let mut depth = 0;
        while index < tokens.len() {
            match sign(tokens, index) {
                Some('{') => depth += 1,
                Some('}') if depth == 1 => break,
                Some('}') => depth -= 1,
                Some(';') if depth == 0 => break,
                _ => {}
            }
            index += 1;
        }
        index += 1;
    }
    kept
}

/// The arguments of a call whose opening bracket is at `open`.
fn arguments(tokens: &[(usize, Token)], open: usize, close: char) -> Vec<Vec<Token>> {
    let mut all = vec![Vec::new()];
    let mut depth = 0;
    for (_, token) in &tokens[open + 1..] {
        match token {
            Token::Sign(c) if depth == 0 && *c == close => break,
            Token::Sign(',') if depth == 0 => {
                all.push(Vec::new());
                continue;
            }
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth -= 1,
            Token::Name(_) | Token::Text(_) | Token::Sign(_) => {}
        }
        if let Some(last) = all.last_mut() {
            last.push(token.clone());
        }
    }
    all.retain(|argument| !argument.is_empty());
    all
}

/// Position of the parameter called `summary`, self not counted.
fn summary_parameter(parameters: &[Vec<Token>]) -> Option<usize> {
    let is_self = |parameter: &Vec<Token>| {
        parameter.iter().any(|token| *token == Token::Name("self".to_owned())) && !parameter.contains(&Token::Sign(':'))
    };
    parameters.iter().filter(|parameter| !is_self(parameter)).position(|parameter| {
        parameter.first() == Some(&Token::Name("summary".to_owned())) && parameter.get(1) == Some(&Token::Sign(':'))
    })
}

/// Every call that is handed a summary: constructors of diagnostics, and functions and closures with such a parameter.
pub(crate) fn calls(tokens: &[(usize, Token)]) -> Vec<Call> {
    let mut helpers: Vec<(String, usize)> = vec![("one_of".to_owned(), 0)];
    for index in 0..tokens.len() {
        let parameters = if name(tokens, index) == Some("fn") && sign(tokens, index + 2) == Some('(') {
            name(tokens, index + 1).map(|called| (called, arguments(tokens, index + 2, ')')))
        } else if name(tokens, index) == Some("let") && sign(tokens, index + 2) == Some('=') {
            let bar = if name(tokens, index + 3) == Some("move") { index + 4 } else { index + 3 };
            let closure = sign(tokens, bar) == Some('|');
            name(tokens, index + 1).filter(|_| closure).map(|called| (called, arguments(tokens, bar, '|')))
        } else {
            None
        };
        if let Some((called, parameters)) = parameters
            && let Some(position) = summary_parameter(&parameters)
            && !["new", "error", "warn", "warning"].contains(&called)
        {
            helpers.push((called.to_owned(), position));
        }
    }
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        let Some(called) = name(tokens, index) else { continue };
        if sign(tokens, index + 1) != Some('(') || (index > 0 && name(tokens, index - 1) == Some("fn")) {
            continue;
        }
        let behind_dot = index > 0 && sign(tokens, index - 1) == Some('.');
        let of =
            |owner: &str| index > 2 && sign(tokens, index - 1) == Some(':') && name(tokens, index - 3) == Some(owner);
        let given = || arguments(tokens, index + 1, ')');
        let severity = match called {
            "error" => Some(Severity::Error),
            "warning" | "warn" => Some(Severity::Warning),
            _ => None,
        };
        let argument = match called {
            "error" | "warning" if of("Diagnostic") => given().into_iter().next(),
            "new" if of("Problem") => given().into_iter().next(),
            "error" | "warn" if behind_dot => {
                Some(given()).filter(|all| all.len() == 3).and_then(|all| all.into_iter().nth(1))
            }
            _ if !behind_dot || called == "one_of" => helpers
                .iter()
                .find(|(helper, _)| helper == called)
                .and_then(|(_, position)| given().into_iter().nth(*position)),
            _ => None,
        };
        if let Some(argument) = argument {
            found.push(Call { line: tokens[index].0, argument, severity });
        }
    }
    found
}
