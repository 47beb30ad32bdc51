//! What the controller's Warning Events mean, and what to do about each.
//!
//! `reconcile.rs` asks it while it waits, `wait_report.rs` when it explains why a wait ended; the guide "Troubleshooting" is
//! written from the same table. Events carry no codes, so the text is all there is: `table.rs` holds the texts of the
//! controller's source and of Alibaba Cloud's troubleshooting guide for ALB Ingress, `testdata/texts.tsv` whole messages that
//! have been seen or documented. A message that is not in the table counts as permanent and is shown as it is. What Argo CD
//! says in conditions has a table of its own, `argo_cd.rs`.

mod argo_cd;
mod table;

pub use argo_cd::ARGO_CD;
pub use table::TABLE;

/// What a known message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Parts that a message holds, all of them.
    pub parts: &'static [&'static str],
    /// Whether it passes without anybody changing the object it is about.
    pub heals: bool,
    /// What it means.
    pub cause: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

impl Known {
    fn fits(&self, message: &str) -> bool {
        self.parts.iter().all(|part| message.contains(part))
    }
}

/// What a message means, if it is known.
#[must_use]
pub fn explain(message: &str) -> Option<&'static Known> {
    TABLE.iter().find(|known| known.fits(message))
}

/// What a message of Argo CD means, if it is known.
#[must_use]
pub fn explain_argo_cd(message: &str) -> Option<&'static Known> {
    ARGO_CD.iter().find(|known| known.fits(message))
}

/// Whether a message passes by itself.
pub(crate) fn heals(message: &str) -> bool {
    explain(message).is_some_and(|known| known.heals)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages as they are documented or were seen, with whether they heal and the part that makes them known.
    fn texts(file: &'static str) -> Vec<(bool, &'static str, &'static str)> {
        let lines = file.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| match line.split('\t').collect::<Vec<_>>().as_slice() {
                ["heals", part, text] => (true, *part, *text),
                ["permanent", part, text] => (false, *part, *text),
                _ => panic!("not heals or permanent, part, text: {line:?}"),
            })
            .collect()
    }

    #[test]
    fn every_documented_text_is_explained_by_its_own_row() {
        let texts = texts(include_str!("testdata/texts.tsv"));
        assert!(texts.len() > 90, "only {} texts", texts.len());
        explains(TABLE, &texts, explain);
    }

    #[test]
    fn every_text_of_argo_cd_is_explained_by_its_own_row() {
        explains(ARGO_CD, &texts(include_str!("testdata/argo_cd.tsv")), explain_argo_cd);
        assert_eq!(explain_argo_cd("something nobody has seen before"), None);
    }

    fn explains(
        table: &'static [Known],
        texts: &[(bool, &'static str, &'static str)],
        explain: impl Fn(&str) -> Option<&'static Known>,
    ) {
        for (heals, part, text) in texts {
            let known = explain(text).unwrap_or_else(|| panic!("not known: {text}"));
            assert!(known.parts.contains(part), "{text}\nis explained by {:?}, not by {part:?}", known.parts);
            assert_eq!(known.heals, *heals, "{text}");
        }
        for known in table {
            let shown = texts.iter().any(|(_, _, text)| explain(text) == Some(known));
            assert!(shown, "no text is explained by {:?}: another row takes them, or one is missing", known.parts);
        }
    }

    #[test]
    fn rows_are_whole_sentences() {
        for known in TABLE.iter().chain(ARGO_CD) {
            assert!(!known.parts.is_empty() && known.parts.iter().all(|part| part.len() > 3), "{:?}", known.parts);
            for text in [known.cause, known.remedy] {
                assert!(text.ends_with('.') && text.contains(' '), "{text:?}");
            }
        }
    }

    #[test]
    fn a_message_that_nobody_has_seen_is_permanent_and_has_no_explanation() {
        for message in ["something nobody has seen before", "", "Message: The param of Gizmo is odd."] {
            assert_eq!((explain(message), heals(message)), (None, false), "{message}");
        }
    }
}
