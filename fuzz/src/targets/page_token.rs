//! Page tokens: only those that we made are taken, for the query that they were made for, for a day.

use stepwell_server::fuzzing::PageTokens;

use super::{Kind, Target, promise};

pub(super) const TARGET: Target =
    Target { name: "page_token", kind: Kind::Token, seeds: super::TOKENS, words: super::TOKEN_WORDS, check };

const NOW_MS: i64 = 1_750_000_000_000;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn check(text: &str) -> Result<(), String> {
    let tokens = PageTokens::new(b"key");
    promise(tokens.place("q", text, NOW_MS).is_err(), || "a token of somebody else is taken".to_owned())?;
    // The text as a place, and as a query.
    for (query, place) in [("q", text), (text, "p")] {
        let token = tokens.token(query, place.as_bytes(), NOW_MS);
        promise(token.bytes().all(|byte| byte.is_ascii_graphic()), || format!("{token:?} is a token"))?;
        promise(tokens.place(query, &token, NOW_MS + DAY_MS) == Ok(place.as_bytes().to_vec()), || {
            "a token is not taken back".to_owned()
        })?;
        promise(tokens.place(query, &token, NOW_MS + DAY_MS + 1).is_err(), || "a token has no end".to_owned())?;
        let other = format!("{query}+");
        promise(tokens.place(&other, &token, NOW_MS).is_err(), || "a token is good for another query".to_owned())?;
        promise(PageTokens::new(b"another key").place(query, &token, NOW_MS).is_err(), || {
            "a token of another installation is taken".to_owned()
        })?;
        for changed in super::changed_tokens(&token, text) {
            promise(tokens.place(query, &changed, NOW_MS).is_err(), || format!("{changed:?} is taken, too"))?;
        }
    }
    Ok(())
}
