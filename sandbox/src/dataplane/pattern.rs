//! Wildcards of host and path conditions: `*` stands for any text, `?` for one character.
//!
//! Pure; the ALB rule documentation is the source. Behind `~*` or `~` stands a regular expression instead.

/// Whether the whole text fits a wildcard pattern.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match (pattern.get(at), text.get(seen)) {
            (Some('*'), _) => {
                star = Some((at, seen));
                at += 1;
            }
            (Some('?'), Some(_)) => {
                at += 1;
                seen += 1;
            }
            (Some(left), Some(right)) if left == right => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((place, from)) => {
                    at = place + 1;
                    seen = from + 1;
                    star = Some((place, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

/// Whether a host condition's value fits an authority without its port. Case does not matter.
pub(super) fn host(pattern: &str, host: &str) -> bool {
    wildcard(&pattern.to_ascii_lowercase(), &host.to_ascii_lowercase())
}

/// Whether a path condition's value fits a path. `~*` and `~` start a regular expression.
pub(super) fn path(pattern: &str, path: &str) -> bool {
    match pattern.strip_prefix("~*").or_else(|| pattern.strip_prefix('~')) {
        Some(expression) => regex::Regex::new(expression).is_ok_and(|regex| regex.is_match(path)),
        None => wildcard(pattern, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_text_and_for_one_character() {
        for (pattern, text, fits) in [
            ("/*", "/helloworld.Greeter/SayHello", true),
            ("/*", "/", true),
            ("/foo", "/foo/", false),
            ("/foo/*", "/foo/", true),
            ("/foo/*", "/foobar", false),
            ("/v?/*/end", "/v1/a/b/end", true),
            ("/v?/*/end", "/v/a/end", false),
            ("", "", true),
        ] {
            assert_eq!(wildcard(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn hosts_fit_whatever_their_case() {
        assert!(host("*.example.com", "GRPC.Example.com"));
        assert!(!host("grpc.example.com", "grpc.example.org"));
    }

    #[test]
    fn a_tilde_starts_a_regular_expression() {
        assert!(path("~*^/pkg\\.(A|B)/", "/pkg.B/Call"));
        assert!(!path("~*^/pkg\\.(A|B)/", "/pkg.C/Call"));
        assert!(!path("~*(", "/("), "what cannot be read fits nothing");
    }
}
