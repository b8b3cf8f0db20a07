//! Operator precedence parser with the binding powers of the reference.

use stepwell_value::Value;

use crate::Profile;
use crate::budget::Stack;
use crate::error::{DEPTH, Error, Run, quoted};
use crate::node::Op;
use crate::program::RegexLiteral;
use crate::signature::Signature;
use crate::syntax::token::{Symbol, Token, Tokenizer};
use crate::syntax::tree::{List, SortTerm, Tree, TreeId, TreeKind, TreeNode};

/// Deepest nesting of an expression, in parts of parts. AWS evaluates at most 100 levels.
pub(crate) const NESTING_MAX: u16 = 1_000;

/// An expression as written.
pub(crate) struct Parsed<'t> {
    pub(crate) tree: Tree<'t>,
    pub(crate) root: TreeId,
    pub(crate) regexes: Vec<RegexLiteral>,
}

pub(crate) fn parse(text: &str, profile: Profile, stack: Stack) -> Run<Parsed<'_>> {
    let mut parser = Parser {
        tokens: Tokenizer::new(text, profile),
        position: 0,
        tree: Tree::for_text(text.len()),
        open_lists: Vec::new(),
        regexes: Vec::new(),
        stack,
        nesting: 0,
    };
    parser.advance(false)?;
    let root = parser.expression(0)?;
    if parser.tokens.token != Token::End {
        return Error::new("S0201").at(parser.position).token(parser.tokens.token.value()).boxed();
    }
    Ok(Parsed { tree: parser.tree, root, regexes: parser.regexes })
}

struct Parser<'t> {
    /// Its token is the one ahead.
    tokens: Tokenizer<'t>,
    /// Where that ends.
    position: u32,
    tree: Tree<'t>,
    /// Members of the lists that are being read; the innermost list is last.
    open_lists: Vec<TreeId>,
    regexes: Vec<RegexLiteral>,
    stack: Stack,
    nesting: u16,
}

/// How strongly a token binds what stands to its left; 0: not at all.
fn binding_power(token: &Token<'_>) -> u8 {
    match token {
        Token::Symbol(symbol) => symbol_power(*symbol),
        _ => 0,
    }
}

fn symbol_power(symbol: Symbol) -> u8 {
    match symbol {
        Symbol::BracketOpen | Symbol::ParenthesisOpen | Symbol::At | Symbol::Hash => 80,
        Symbol::Dot => 75,
        Symbol::BraceOpen => 70,
        Symbol::Star | Symbol::Slash | Symbol::Percent => 60,
        Symbol::Plus | Symbol::Minus | Symbol::Ampersand => 50,
        Symbol::Equal
        | Symbol::Less
        | Symbol::Greater
        | Symbol::NotEqual
        | Symbol::LessEqual
        | Symbol::GreaterEqual
        | Symbol::Caret
        | Symbol::Apply
        | Symbol::Elvis
        | Symbol::Coalesce
        | Symbol::In => 40,
        Symbol::And => 30,
        Symbol::Or => 25,
        Symbol::Question => 20,
        Symbol::Assign => 10,
        _ => 0,
    }
}

impl<'t> Parser<'t> {
    fn advance(&mut self, infix: bool) -> Run<()> {
        self.tokens.advance(infix)?;
        self.position = self.tokens.position();
        if matches!(self.tokens.token, Token::Symbol(Symbol::Bang | Symbol::Tilde)) {
            return Error::new("S0204").at(self.position).token(self.tokens.token.value()).boxed();
        }
        Ok(())
    }

    fn expect(&mut self, symbol: Symbol, infix: bool) -> Run<()> {
        if self.tokens.token.is(symbol) {
            return self.advance(infix);
        }
        let code = if self.tokens.token == Token::End { "S0203" } else { "S0202" };
        Error::new(code)
            .at(self.position)
            .token(self.tokens.token.value())
            .insert("value", quoted(symbol.text()))
            .boxed()
    }

    /// Passes over `symbol` if it is next; what follows it stands where a value does.
    fn eat(&mut self, symbol: Symbol) -> Run<bool> {
        let is_next = self.tokens.token.is(symbol);
        if is_next {
            self.advance(false)?;
        }
        Ok(is_next)
    }

    /// Adds a node above `children`.
    fn node(&mut self, kind: TreeKind<'t>, position: u32, children: &[TreeId]) -> Run<TreeId> {
        let below = self.height_of(children);
        self.node_above(kind, position, below)
    }

    /// Adds a node above the members of a list and one more node.
    fn node_of_list(&mut self, kind: TreeKind<'t>, position: u32, list: List, other: Option<TreeId>) -> Run<TreeId> {
        let below = self.height_of(self.tree.list(list)).max(self.height_of(other.as_slice()));
        self.node_above(kind, position, below)
    }

    fn node_above(&mut self, kind: TreeKind<'t>, position: u32, below: u16) -> Run<TreeId> {
        if below >= NESTING_MAX {
            return Error::new(DEPTH).at(position).boxed();
        }
        let id = self.tree.nodes.len() as TreeId;
        self.tree.nodes.push(TreeNode { kind, position, keep_array: false, height: below + 1 });
        Ok(id)
    }

    fn height_of(&self, ids: &[TreeId]) -> u16 {
        ids.iter().map(|id| self.tree.node(*id).height).max().unwrap_or(0)
    }

    /// Makes a list of what has been put to `open_lists` since it was `start` long.
    fn close_list(&mut self, start: usize) -> List {
        self.tree.add_list(self.open_lists.drain(start..))
    }

    fn expression(&mut self, power: u8) -> Run<TreeId> {
        if self.nesting >= NESTING_MAX || self.stack.is_exhausted() {
            return Error::new(DEPTH).at(self.position).boxed();
        }
        self.nesting += 1;
        let mut left = self.operand()?;
        while power < binding_power(&self.tokens.token) {
            let position = self.position;
            let Token::Symbol(symbol) = self.tokens.token else { unreachable!("only symbols bind") };
            self.advance(false)?;
            left = self.infix(symbol, position, left)?;
        }
        self.nesting -= 1;
        Ok(left)
    }

    /// What can stand at the start of an expression.
    fn operand(&mut self) -> Run<TreeId> {
        let position = self.position;
        let kind = match &mut self.tokens.token {
            Token::End => TreeKind::End,
            Token::Name(name) => TreeKind::Name(name),
            Token::Variable(name) => TreeKind::Variable(name),
            Token::String(text) => TreeKind::String(std::mem::take(text)),
            Token::Number(number) => TreeKind::Number(*number),
            Token::Boolean(bool) => TreeKind::Boolean(*bool),
            Token::Null => TreeKind::Null,
            Token::Regex { pattern, ignore_case, multi_line } => {
                let (pattern, ignore_case, multi_line) = (*pattern, *ignore_case, *multi_line);
                self.advance(true)?;
                return self.regex(pattern, ignore_case, multi_line, position);
            }
            Token::Symbol(symbol) => {
                let symbol = *symbol;
                self.advance(true)?;
                return self.prefix(symbol, position);
            }
        };
        let leaf = self.node_above(kind, position, 0)?;
        self.advance(true)?;
        Ok(leaf)
    }

    #[inline(never)]
    fn regex(&mut self, pattern: &str, ignore_case: bool, multi_line: bool, position: u32) -> Run<TreeId> {
        let literal =
            RegexLiteral::compile(pattern.into(), ignore_case, multi_line).map_err(|err| Box::new(err.at(position)))?;
        self.regexes.push(literal);
        self.node(TreeKind::Regex(self.regexes.len() as u32 - 1), position, &[])
    }

    fn prefix(&mut self, symbol: Symbol, position: u32) -> Run<TreeId> {
        match symbol {
            Symbol::And | Symbol::Or | Symbol::In => self.node(TreeKind::Name(symbol.text()), position, &[]),
            Symbol::Star => self.node(TreeKind::Wildcard, position, &[]),
            Symbol::Descendants => self.node(TreeKind::Descendants, position, &[]),
            Symbol::Percent => self.node(TreeKind::Parent, position, &[]),
            Symbol::Minus => {
                let operand = self.expression(70)?;
                self.node(TreeKind::Negate(operand), position, &[operand])
            }
            Symbol::ParenthesisOpen => self.block(position),
            Symbol::BracketOpen => self.array(position),
            Symbol::BraceOpen => {
                let pairs = self.pairs()?;
                self.node_of_list(TreeKind::Object(pairs), position, pairs, None)
            }
            Symbol::Bar => self.transform(position),
            _ => Error::new("S0211").at(position).token(symbol.text()).boxed(),
        }
    }

    #[inline(never)]
    fn block(&mut self, position: u32) -> Run<TreeId> {
        let start = self.open_lists.len();
        while !self.tokens.token.is(Symbol::ParenthesisClose) {
            let expression = self.expression(0)?;
            self.open_lists.push(expression);
            if !self.eat(Symbol::Semicolon)? {
                break;
            }
        }
        self.expect(Symbol::ParenthesisClose, true)?;
        let expressions = self.close_list(start);
        self.node_of_list(TreeKind::Block(expressions), position, expressions, None)
    }

    #[inline(never)]
    fn array(&mut self, position: u32) -> Run<TreeId> {
        let start = self.open_lists.len();
        if !self.tokens.token.is(Symbol::BracketClose) {
            loop {
                let mut item = self.expression(0)?;
                if self.tokens.token.is(Symbol::Range) {
                    let range_position = self.position;
                    self.advance(false)?;
                    let end = self.expression(0)?;
                    item = self.node(TreeKind::Binary(Op::Range, item, end), range_position, &[item, end])?;
                }
                self.open_lists.push(item);
                if !self.eat(Symbol::Comma)? {
                    break;
                }
            }
        }
        self.expect(Symbol::BracketClose, true)?;
        let items = self.close_list(start);
        self.node_of_list(TreeKind::Array(items), position, items, None)
    }

    /// Keys and values in turn.
    #[inline(never)]
    fn pairs(&mut self) -> Run<List> {
        let start = self.open_lists.len();
        if !self.tokens.token.is(Symbol::BraceClose) {
            loop {
                let key = self.expression(0)?;
                self.expect(Symbol::Colon, false)?;
                let value = self.expression(0)?;
                self.open_lists.extend([key, value]);
                if !self.eat(Symbol::Comma)? {
                    break;
                }
            }
        }
        self.expect(Symbol::BraceClose, true)?;
        Ok(self.close_list(start))
    }

    #[inline(never)]
    fn transform(&mut self, position: u32) -> Run<TreeId> {
        let pattern = self.expression(0)?;
        self.expect(Symbol::Bar, false)?;
        let update = self.expression(0)?;
        let delete = if self.eat(Symbol::Comma)? { Some(self.expression(0)?) } else { None };
        self.expect(Symbol::Bar, false)?;
        self.node(
            TreeKind::Transform { pattern, update, delete },
            position,
            &[pattern, update, delete.unwrap_or(update)],
        )
    }

    /// What can follow an operand; the symbol itself is read.
    fn infix(&mut self, symbol: Symbol, position: u32, left: TreeId) -> Run<TreeId> {
        match symbol {
            Symbol::ParenthesisOpen => self.call(position, left),
            Symbol::BracketOpen => self.predicate(position, left),
            Symbol::BraceOpen => {
                let pairs = self.pairs()?;
                self.node_of_list(TreeKind::Group(left, pairs), position, pairs, Some(left))
            }
            Symbol::Caret => self.order_by(position, left),
            Symbol::At | Symbol::Hash => {
                let right = self.expression(80)?;
                let node = self.tree.node(right);
                let TreeKind::Variable(name) = node.kind else {
                    return Error::new("S0214").at(node.position).token(symbol.text()).boxed();
                };
                let kind = if symbol == Symbol::At { TreeKind::Focus(left, name) } else { TreeKind::Index(left, name) };
                self.node(kind, position, &[left])
            }
            Symbol::Assign => {
                let node = self.tree.node(left);
                if !matches!(node.kind, TreeKind::Variable(_)) {
                    return Error::new("S0212").at(node.position).token(self.token_of(left)).boxed();
                }
                let right = self.expression(9)?;
                self.node(TreeKind::Bind(left, right), position, &[left, right])
            }
            Symbol::Question => self.condition(position, left),
            Symbol::Elvis => {
                let otherwise = self.expression(0)?;
                self.node(TreeKind::Elvis { left, otherwise }, position, &[left, otherwise])
            }
            Symbol::Coalesce => {
                let otherwise = self.expression(0)?;
                self.node(TreeKind::Coalesce { left, otherwise }, position, &[left, otherwise])
            }
            Symbol::Apply => {
                let right = self.expression(40)?;
                self.node(TreeKind::Apply(left, right), position, &[left, right])
            }
            _ => {
                let right = self.expression(symbol_power(symbol))?;
                let kind = match symbol {
                    Symbol::Dot => TreeKind::Map(left, right),
                    Symbol::And => TreeKind::And(left, right),
                    Symbol::Or => TreeKind::Or(left, right),
                    symbol => TreeKind::Binary(operator(symbol), left, right),
                };
                self.node(kind, position, &[left, right])
            }
        }
    }

    #[inline(never)]
    fn predicate(&mut self, position: u32, left: TreeId) -> Run<TreeId> {
        if self.tokens.token.is(Symbol::BracketClose) {
            // An empty predicate: a sequence of one stays an array. Earlier predicates belong to the same step.
            let mut step = left;
            while let TreeKind::Predicate(inner, _) = self.tree.node(step).kind {
                step = inner;
            }
            self.tree.nodes[step as usize].keep_array = true;
            self.advance(false)?;
            return Ok(left);
        }
        let right = self.expression(0)?;
        self.expect(Symbol::BracketClose, true)?;
        self.node(TreeKind::Predicate(left, right), position, &[left, right])
    }

    #[inline(never)]
    fn order_by(&mut self, position: u32, left: TreeId) -> Run<TreeId> {
        self.expect(Symbol::ParenthesisOpen, false)?;
        let mut terms = Vec::new();
        let mut below = self.tree.node(left).height;
        loop {
            let descending = self.tokens.token.is(Symbol::Greater);
            if descending || self.tokens.token.is(Symbol::Less) {
                self.advance(false)?;
            }
            let expression = self.expression(0)?;
            terms.push(SortTerm { descending, expression });
            below = below.max(self.tree.node(expression).height);
            if !self.eat(Symbol::Comma)? {
                break;
            }
        }
        self.expect(Symbol::ParenthesisClose, false)?;
        self.node_above(TreeKind::OrderBy(left, terms.into()), position, below)
    }

    #[inline(never)]
    fn condition(&mut self, position: u32, condition: TreeId) -> Run<TreeId> {
        let then = self.expression(0)?;
        let otherwise = if self.eat(Symbol::Colon)? { Some(self.expression(0)?) } else { None };
        let children = [condition, then, otherwise.unwrap_or(then)];
        self.node(TreeKind::Condition { condition, then, otherwise }, position, &children)
    }

    #[inline(never)]
    fn call(&mut self, position: u32, procedure: TreeId) -> Run<TreeId> {
        let start = self.open_lists.len();
        let mut partial = false;
        if !self.tokens.token.is(Symbol::ParenthesisClose) {
            loop {
                let argument = if self.tokens.token.is(Symbol::Question) {
                    partial = true;
                    let gap = self.node(TreeKind::Gap, self.position, &[])?;
                    self.advance(false)?;
                    gap
                } else {
                    self.expression(0)?
                };
                self.open_lists.push(argument);
                if !self.eat(Symbol::Comma)? {
                    break;
                }
            }
        }
        self.expect(Symbol::ParenthesisClose, true)?;
        let arguments = self.close_list(start);
        if matches!(self.tree.node(procedure).kind, TreeKind::Name("function" | "λ")) {
            return self.lambda(position, arguments);
        }
        self.node_of_list(TreeKind::Call { procedure, arguments, partial }, position, arguments, Some(procedure))
    }

    fn lambda(&mut self, position: u32, parameters: List) -> Run<TreeId> {
        let parameter_ids = self.tree.list(parameters);
        let is_variable = |id: &TreeId| matches!(self.tree.node(*id).kind, TreeKind::Variable(_));
        if let Some(wrong) = parameter_ids.iter().position(|id| !is_variable(id)) {
            let id = parameter_ids[wrong];
            let error = Error::new("S0208").at(self.tree.node(id).position).token(self.token_of(id));
            return error.insert("value", (wrong + 1).to_string()).boxed();
        }
        let signature = if self.tokens.token.is(Symbol::Less) { Some(self.signature()?) } else { None };
        self.expect(Symbol::BraceOpen, false)?;
        let body = self.expression(0)?;
        self.expect(Symbol::BraceClose, false)?;
        self.node(TreeKind::Lambda { parameters, signature, body }, position, &[body])
    }

    #[inline(never)]
    fn signature(&mut self) -> Run<Box<Signature>> {
        let start = self.position;
        let mut text = String::from("<");
        let mut depth = 1;
        while depth > 0 && !self.tokens.token.is(Symbol::BraceOpen) && self.tokens.token != Token::End {
            self.advance(false)?;
            if self.tokens.token.is(Symbol::Greater) {
                depth -= 1;
            } else if self.tokens.token.is(Symbol::Less) {
                depth += 1;
            }
            match self.tokens.token.value() {
                Value::Str(part) => text.push_str(&part),
                other => other.write_to(&mut text),
            }
        }
        self.expect(Symbol::Greater, false)?;
        match Signature::parse(&text) {
            Ok(signature) => Ok(Box::new(signature)),
            Err((mut err, offset)) => {
                err.position = start as usize + offset;
                Err(Box::new(err))
            }
        }
    }

    /// What the reference calls the value of a node.
    fn token_of(&self, id: TreeId) -> Value {
        Value::from(match &self.tree.node(id).kind {
            TreeKind::Number(number) => return Value::number(*number),
            TreeKind::Boolean(bool) => return Value::Bool(*bool),
            TreeKind::Null => return Value::Null,
            TreeKind::Regex(_) => return Value::empty_object(),
            TreeKind::String(text) => &**text,
            TreeKind::Name(text) | TreeKind::Variable(text) => *text,
            TreeKind::Gap | TreeKind::Condition { .. } => "?",
            TreeKind::End => "(end)",
            TreeKind::Wildcard => "*",
            TreeKind::Descendants => "**",
            TreeKind::Parent => "%",
            TreeKind::Map(..) => ".",
            TreeKind::And(..) => "and",
            TreeKind::Or(..) => "or",
            TreeKind::Binary(operator, ..) => operator.text(),
            TreeKind::Negate(_) => "-",
            TreeKind::Predicate(..) | TreeKind::Array(_) => "[",
            TreeKind::OrderBy(..) => "^",
            TreeKind::Group(..) | TreeKind::Object(_) => "{",
            TreeKind::Bind(..) => ":=",
            TreeKind::Focus(..) => "@",
            TreeKind::Index(..) => "#",
            TreeKind::Apply(..) => "~>",
            TreeKind::Block(_) | TreeKind::Call { .. } | TreeKind::Lambda { .. } => "(",
            TreeKind::Elvis { .. } => "?:",
            TreeKind::Coalesce { .. } => "??",
            TreeKind::Transform { .. } => "|",
        })
    }
}

/// The operator that a symbol between two values stands for.
fn operator(symbol: Symbol) -> Op {
    match symbol {
        Symbol::Plus => Op::Add,
        Symbol::Minus => Op::Subtract,
        Symbol::Star => Op::Multiply,
        Symbol::Slash => Op::Divide,
        Symbol::Percent => Op::Remainder,
        Symbol::Ampersand => Op::Concatenate,
        Symbol::Equal => Op::Equal,
        Symbol::NotEqual => Op::NotEqual,
        Symbol::Less => Op::Less,
        Symbol::LessEqual => Op::LessEqual,
        Symbol::Greater => Op::Greater,
        Symbol::GreaterEqual => Op::GreaterEqual,
        Symbol::In => Op::In,
        other => unreachable!("{} does not stand between values", other.text()),
    }
}
