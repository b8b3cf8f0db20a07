//! Task tokens: sealed, so that any node can tell whose they are and nobody can make one up.
//!
//! ```text
//! byte 0       1: the form
//! bytes 1..9   the account, as a number
//! bytes 9..25  the execution
//! bytes 25..29 the attempt
//! bytes 29..61 HMAC-SHA256 of all before it, under the installation's key
//! ```
//!
//! In Base64, 84 characters. The same attempt always has the same token.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use stepwell_engine::{AttemptId, ExecutionId, Identity};
use stepwell_value::Str;

const FORM: u8 = 1;
const CLAIM_BYTES: usize = 29;
const TOKEN_BYTES: usize = CLAIM_BYTES + 32;

/// Makes and opens task tokens with the key of the installation.
#[derive(Clone)]
pub struct Tokens {
    key: Hmac<Sha256>,
}

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The account of the execution's ARN, as a number.
    pub account: u64,
    /// The execution.
    pub execution: ExecutionId,
    /// The attempt of a task that waits for an answer.
    pub attempt: AttemptId,
}

impl Tokens {
    /// Tokens under a key, of whatever length.
    pub fn new(key: &[u8]) -> Tokens {
        Tokens { key: Hmac::new_from_slice(key).expect("a key of HMAC may have any length") }
    }

    /// The token of an attempt.
    pub fn of(&self, execution: &Identity, attempt: AttemptId) -> Str {
        self.seal(Claim { account: account_of(&execution.arn), execution: execution.id, attempt })
    }

    /// The token that says this.
    pub fn seal(&self, claim: Claim) -> Str {
        let mut token = [0; TOKEN_BYTES];
        token[0] = FORM;
        token[1..9].copy_from_slice(&claim.account.to_be_bytes());
        token[9..25].copy_from_slice(&claim.execution.0.to_be_bytes());
        token[25..29].copy_from_slice(&claim.attempt.0.to_be_bytes());
        let mac = self.key.clone().chain_update(&token[..CLAIM_BYTES]).finalize().into_bytes();
        token[CLAIM_BYTES..].copy_from_slice(&mac);
        Str::from(STANDARD.encode(token))
    }

    /// What a token says; none: it is not one of ours.
    pub fn open(&self, token: &str) -> Option<Claim> {
        // What is longer than any token of ours is not decoded at all.
        if token.len() > TOKEN_BYTES.div_ceil(3) * 4 {
            return None;
        }
        let token: [u8; TOKEN_BYTES] = STANDARD.decode(token).ok()?.try_into().ok()?;
        let (claim, mac) = token.split_at(CLAIM_BYTES);
        // Compares in constant time.
        self.key.clone().chain_update(claim).verify_slice(mac).ok()?;
        if claim[0] != FORM {
            return None;
        }
        Some(Claim {
            account: u64::from_be_bytes(claim[1..9].try_into().ok()?),
            execution: ExecutionId(u128::from_be_bytes(claim[9..25].try_into().ok()?)),
            attempt: AttemptId(u32::from_be_bytes(claim[25..29].try_into().ok()?)),
        })
    }
}

/// The account in an ARN, as a number; 0 where there is none.
fn account_of(arn: &str) -> u64 {
    arn.split(':').nth(4).and_then(|account| account.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: Claim = Claim { account: 123_456_789_012, execution: ExecutionId(7 << 100), attempt: AttemptId(3) };

    #[test]
    fn a_token_says_whose_it_is_and_is_the_same_each_time() {
        let tokens = Tokens::new(b"key");
        let token = tokens.seal(CLAIM);
        assert_eq!(tokens.open(&token), Some(CLAIM));
        assert_eq!(tokens.seal(CLAIM), token);
        assert!(token.len() <= 1024, "{}", token.len());
    }

    #[test]
    fn a_token_that_was_changed_or_made_under_another_key_is_none() {
        let token = Tokens::new(b"key").seal(CLAIM);
        let tokens = Tokens::new(b"key");
        for place in 0..token.len() {
            let mut changed = token.to_string().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character before the padding has bits that mean nothing; a strict decoder refuses them.
            assert_eq!(tokens.open(&changed), None, "{place}");
        }
        assert_eq!(Tokens::new(b"another").open(&token), None);
        for text in ["", "AAAA", "not a token", &"A".repeat(2048), &token[..token.len() - 4]] {
            assert_eq!(tokens.open(text), None, "{text}");
        }
    }

    #[test]
    fn the_account_is_that_of_the_arn() {
        assert_eq!(account_of("arn:aws:states:eu-west-1:123456789012:execution:m:n"), 123_456_789_012);
        assert_eq!(account_of("no arn"), 0);
    }
}
