//! Task tokens: only those that we made are taken, and they say what they were made of.

use stepwell_engine::{AttemptId, ExecutionId};
use stepwell_node::{Claim, Tokens};

use super::{Kind, Target, promise};

pub(super) const TARGET: Target =
    Target { name: "task_token", kind: Kind::Token, seeds: super::TOKENS, words: super::TOKEN_WORDS, check };

/// Longest token that AWS gives out.
const CHARS_MAX: usize = 1_024;

fn check(text: &str) -> Result<(), String> {
    let tokens = Tokens::new(b"key");
    promise(tokens.open(text).is_none(), || "a token of somebody else is taken".to_owned())?;
    let byte = |place: usize| text.as_bytes().get(place % text.len().max(1)).copied().unwrap_or_default();
    let number = |first: usize| (0..16).fold(0_u128, |number, place| number << 8 | u128::from(byte(first + place)));
    let claim = Claim {
        account: number(0) as u64 % 1_000_000_000_000,
        execution: ExecutionId(number(7)),
        attempt: AttemptId(number(3) as u32),
    };
    let token = tokens.seal(claim);
    promise(token.len() <= CHARS_MAX, || format!("a token has {} characters", token.len()))?;
    promise(tokens.open(&token) == Some(claim), || format!("{claim:?} is not read back"))?;
    promise(Tokens::new(b"another key").open(&token).is_none(), || {
        "a token of another installation is taken".to_owned()
    })?;
    for changed in super::changed_tokens(&token, text) {
        promise(tokens.open(&changed).is_none(), || format!("{changed:?} is taken, too"))?;
    }
    Ok(())
}
