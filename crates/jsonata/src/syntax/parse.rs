//! Operator precedence parser with the binding powers of the reference.

use stepwell_value::{Str, Value};

use crate::Profile;
use crate::budget::Stack;
use crate::error::{DEPTH, Error, Run, quoted};
use crate::program::RegexLiteral;
use crate::signature::Signature;
use crate::syntax::token::{Token, Tokenizer};
use crate::syntax::tree::{SortTerm, Tree, TreeId, TreeKind, TreeNode};

/// Deepest nesting of an expression, in parts of parts. AWS evaluates at most 100 levels.
pub(crate) const NESTING_MAX: u16 = 1_000;

/// An expression as written.
pub(crate) struct Parsed {
    pub(crate) tree: Tree,
    pub(crate) root: TreeId,
    pub(crate) regexes: Vec<RegexLiteral>,
}

pub(crate) fn parse(text: &str, profile: Profile, stack: Stack) -> Run<Parsed> {
    let mut parser = Parser {
        tokens: Tokenizer::new(text, profile),
        token: Token::End,
        position: 0,
        tree: Tree::default(),
        regexes: Vec::new(),
        stack,
        nesting: 0,
    };
    parser.advance(false)?;
    let root = parser.expression(0)?;
    if parser.token != Token::End {
        return Error::new("S0201").at(parser.position).token(parser.token.value()).boxed();
    }
    Ok(Parsed { tree: parser.tree, root, regexes: parser.regexes })
}

struct Parser<'t> {
    tokens: Tokenizer<'t>,
    /// The token ahead.
    token: Token,
    /// Where it ends.
    position: u32,
    tree: Tree,
    regexes: Vec<RegexLiteral>,
    stack: Stack,
    nesting: u16,
}

/// How strongly an operator binds what stands to its left.
fn binding_power(token: &Token) -> u8 {
    let Token::Operator(operator) = token else { return 0 };
    match *operator {
        "[" | "(" | "@" | "#" => 80,
        "." => 75,
        "{" => 70,
        "*" | "/" | "%" => 60,
        "+" | "-" | "&" => 50,
        "=" | "<" | ">" | "!=" | "<=" | ">=" | "^" | "~>" | "?:" | "??" | "in" => 40,
        "and" => 30,
        "or" => 25,
        "?" => 20,
        ":=" => 10,
        _ => 0,
    }
}

impl Parser<'_> {
    fn advance(&mut self, infix: bool) -> Run<()> {
        self.token = self.tokens.next(infix)?;
        self.position = self.tokens.position();
        if matches!(self.token, Token::Operator("!" | "~")) {
            return Error::new("S0204").at(self.position).token(self.token.value()).boxed();
        }
        Ok(())
    }

    fn expect(&mut self, operator: &'static str, infix: bool) -> Run<()> {
        if self.token.is(operator) {
            return self.advance(infix);
        }
        let code = if self.token == Token::End { "S0203" } else { "S0202" };
        Error::new(code).at(self.position).token(self.token.value()).insert("value", quoted(operator)).boxed()
    }

    fn node(&mut self, kind: TreeKind, position: u32, children: &[TreeId]) -> Run<TreeId> {
        let below = children.iter().map(|child| self.tree.nodes[*child as usize].height).max().unwrap_or(0);
        if below >= NESTING_MAX {
            return Error::new(DEPTH).at(position).boxed();
        }
        let id = self.tree.nodes.len() as TreeId;
        self.tree.nodes.push(TreeNode { kind, position, keep_array: false, height: below + 1 });
        Ok(id)
    }

    fn expression(&mut self, power: u8) -> Run<TreeId> {
        if self.nesting >= NESTING_MAX || self.stack.is_exhausted() {
            return Error::new(DEPTH).at(self.position).boxed();
        }
        self.nesting += 1;
        let mut left = self.operand()?;
        while power < binding_power(&self.token) {
            let position = self.position;
            let Token::Operator(operator) = self.token else { unreachable!("only operators bind") };
            self.advance(false)?;
            left = self.infix(operator, position, left)?;
        }
        self.nesting -= 1;
        Ok(left)
    }

    /// What can stand at the start of an expression.
    fn operand(&mut self) -> Run<TreeId> {
        let position = self.position;
        let token = std::mem::replace(&mut self.token, Token::End);
        self.advance(true)?;
        let kind = match token {
            Token::End => TreeKind::End,
            Token::Name(name) => TreeKind::Name(name),
            Token::Variable(name) => TreeKind::Variable(name),
            Token::String(text) => TreeKind::String(text),
            Token::Number(number) => TreeKind::Number(number),
            Token::Constant(value) => TreeKind::Constant(value),
            Token::Regex { pattern, ignore_case, multi_line } => {
                return self.regex(pattern, ignore_case, multi_line, position);
            }
            Token::Operator(operator) => return self.prefix(operator, position),
        };
        self.node(kind, position, &[])
    }

    #[inline(never)]
    fn regex(&mut self, pattern: Str, ignore_case: bool, multi_line: bool, position: u32) -> Run<TreeId> {
        let literal =
            RegexLiteral::compile(pattern, ignore_case, multi_line).map_err(|err| Box::new(err.at(position)))?;
        self.regexes.push(literal);
        self.node(TreeKind::Regex(self.regexes.len() as u32 - 1), position, &[])
    }

    fn prefix(&mut self, operator: &'static str, position: u32) -> Run<TreeId> {
        match operator {
            "and" | "or" | "in" => self.node(TreeKind::Operator(operator), position, &[]),
            "*" => self.node(TreeKind::Wildcard, position, &[]),
            "**" => self.node(TreeKind::Descendants, position, &[]),
            "%" => self.node(TreeKind::Parent, position, &[]),
            "-" => {
                let operand = self.expression(70)?;
                self.node(TreeKind::Negate(operand), position, &[operand])
            }
            "(" => self.block(position),
            "[" => self.array(position),
            "{" => {
                let pairs = self.pairs()?;
                let children = flatten(&pairs);
                self.node(TreeKind::Object(pairs), position, &children)
            }
            "|" => self.transform(position),
            _ => Error::new("S0211").at(position).token(operator).boxed(),
        }
    }

    #[inline(never)]
    fn block(&mut self, position: u32) -> Run<TreeId> {
        let mut expressions = Vec::new();
        while !self.token.is(")") {
            expressions.push(self.expression(0)?);
            if !self.token.is(";") {
                break;
            }
            self.advance(false)?;
        }
        self.expect(")", true)?;
        let children = expressions.clone();
        self.node(TreeKind::Block(expressions), position, &children)
    }

    #[inline(never)]
    fn array(&mut self, position: u32) -> Run<TreeId> {
        let mut items = Vec::new();
        if !self.token.is("]") {
            loop {
                let mut item = self.expression(0)?;
                if self.token.is("..") {
                    let range_position = self.position;
                    self.advance(false)?;
                    let end = self.expression(0)?;
                    item = self.node(TreeKind::Binary("..", item, end), range_position, &[item, end])?;
                }
                items.push(item);
                if !self.token.is(",") {
                    break;
                }
                self.advance(false)?;
            }
        }
        self.expect("]", true)?;
        let children = items.clone();
        self.node(TreeKind::Array(items), position, &children)
    }

    #[inline(never)]
    fn pairs(&mut self) -> Run<Vec<(TreeId, TreeId)>> {
        let mut pairs = Vec::new();
        if !self.token.is("}") {
            loop {
                let key = self.expression(0)?;
                self.expect(":", false)?;
                let value = self.expression(0)?;
                pairs.push((key, value));
                if !self.token.is(",") {
                    break;
                }
                self.advance(false)?;
            }
        }
        self.expect("}", true)?;
        Ok(pairs)
    }

    #[inline(never)]
    fn transform(&mut self, position: u32) -> Run<TreeId> {
        let pattern = self.expression(0)?;
        self.expect("|", false)?;
        let update = self.expression(0)?;
        let mut delete = None;
        if self.token.is(",") {
            self.advance(false)?;
            delete = Some(self.expression(0)?);
        }
        self.expect("|", false)?;
        self.node(
            TreeKind::Transform { pattern, update, delete },
            position,
            &[pattern, update, delete.unwrap_or(update)],
        )
    }

    /// What can follow an operand; the operator itself is read.
    fn infix(&mut self, operator: &'static str, position: u32, left: TreeId) -> Run<TreeId> {
        match operator {
            "(" => self.call(position, left),
            "[" => self.predicate(position, left),
            "{" => {
                let pairs = self.pairs()?;
                let mut children = flatten(&pairs);
                children.push(left);
                self.node(TreeKind::Group(left, pairs), position, &children)
            }
            "^" => self.order_by(position, left),
            "@" | "#" => {
                let right = self.expression(80)?;
                let node = &self.tree.nodes[right as usize];
                let TreeKind::Variable(name) = &node.kind else {
                    return Error::new("S0214").at(node.position).token(operator).boxed();
                };
                let name = name.clone();
                let kind = if operator == "@" { TreeKind::Focus(left, name) } else { TreeKind::Index(left, name) };
                self.node(kind, position, &[left])
            }
            ":=" => {
                let node = &self.tree.nodes[left as usize];
                if !matches!(node.kind, TreeKind::Variable(_)) {
                    return Error::new("S0212").at(node.position).token(self.token_of(left)).boxed();
                }
                let right = self.expression(9)?;
                self.node(TreeKind::Bind(left, right), position, &[left, right])
            }
            "?" => self.condition(position, left),
            "?:" => {
                let otherwise = self.expression(0)?;
                self.node(TreeKind::Elvis { left, otherwise }, position, &[left, otherwise])
            }
            "??" => {
                let otherwise = self.expression(0)?;
                self.node(TreeKind::Coalesce { left, otherwise }, position, &[left, otherwise])
            }
            "~>" => {
                let right = self.expression(40)?;
                self.node(TreeKind::Apply(left, right), position, &[left, right])
            }
            _ => {
                let right = self.expression(binding_power(&Token::Operator(operator)))?;
                self.node(TreeKind::Binary(operator, left, right), position, &[left, right])
            }
        }
    }

    #[inline(never)]
    fn predicate(&mut self, position: u32, left: TreeId) -> Run<TreeId> {
        if self.token.is("]") {
            // An empty predicate: a sequence of one stays an array. Earlier predicates belong to the same step.
            let mut step = left;
            while let TreeKind::Predicate(inner, _) = self.tree.nodes[step as usize].kind {
                step = inner;
            }
            self.tree.nodes[step as usize].keep_array = true;
            self.advance(false)?;
            return Ok(left);
        }
        let right = self.expression(0)?;
        self.expect("]", true)?;
        self.node(TreeKind::Predicate(left, right), position, &[left, right])
    }

    #[inline(never)]
    fn order_by(&mut self, position: u32, left: TreeId) -> Run<TreeId> {
        self.expect("(", false)?;
        let mut terms = Vec::new();
        let mut children = vec![left];
        loop {
            let descending = self.token.is(">");
            if descending || self.token.is("<") {
                self.advance(false)?;
            }
            let expression = self.expression(0)?;
            terms.push(SortTerm { descending, expression });
            children.push(expression);
            if !self.token.is(",") {
                break;
            }
            self.advance(false)?;
        }
        self.expect(")", false)?;
        self.node(TreeKind::OrderBy(left, terms), position, &children)
    }

    #[inline(never)]
    fn condition(&mut self, position: u32, condition: TreeId) -> Run<TreeId> {
        let then = self.expression(0)?;
        let mut otherwise = None;
        if self.token.is(":") {
            self.advance(false)?;
            otherwise = Some(self.expression(0)?);
        }
        let children = [condition, then, otherwise.unwrap_or(then)];
        self.node(TreeKind::Condition { condition, then, otherwise }, position, &children)
    }

    #[inline(never)]
    fn call(&mut self, position: u32, procedure: TreeId) -> Run<TreeId> {
        let mut arguments = Vec::new();
        let mut partial = false;
        if !self.token.is(")") {
            loop {
                if self.token.is("?") {
                    partial = true;
                    arguments.push(self.node(TreeKind::Operator("?"), self.position, &[])?);
                    self.advance(false)?;
                } else {
                    arguments.push(self.expression(0)?);
                }
                if !self.token.is(",") {
                    break;
                }
                self.advance(false)?;
            }
        }
        self.expect(")", true)?;
        if matches!(&self.tree.nodes[procedure as usize].kind, TreeKind::Name(name) if name == "function" || name == "λ")
        {
            return self.lambda(position, &arguments);
        }
        let mut children = arguments.clone();
        children.push(procedure);
        self.node(TreeKind::Call { procedure, arguments, partial }, position, &children)
    }

    fn lambda(&mut self, position: u32, arguments: &[TreeId]) -> Run<TreeId> {
        let mut parameters = Vec::with_capacity(arguments.len());
        for (index, argument) in arguments.iter().enumerate() {
            let node = &self.tree.nodes[*argument as usize];
            let TreeKind::Variable(name) = &node.kind else {
                let error = Error::new("S0208").at(node.position).token(self.token_of(*argument));
                return error.insert("value", (index + 1).to_string()).boxed();
            };
            parameters.push(name.clone());
        }
        let signature = if self.token.is("<") { Some(self.signature()?) } else { None };
        self.expect("{", false)?;
        let body = self.expression(0)?;
        self.expect("}", false)?;
        self.node(TreeKind::Lambda { parameters, signature, body }, position, &[body])
    }

    #[inline(never)]
    fn signature(&mut self) -> Run<Box<Signature>> {
        let start = self.position;
        let mut text = String::from("<");
        let mut depth = 1;
        while depth > 0 && !self.token.is("{") && self.token != Token::End {
            self.advance(false)?;
            if self.token.is(">") {
                depth -= 1;
            } else if self.token.is("<") {
                depth += 1;
            }
            match self.token.value() {
                Value::Str(part) => text.push_str(&part),
                other => other.write_to(&mut text),
            }
        }
        self.expect(">", false)?;
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
        match &self.tree.nodes[id as usize].kind {
            TreeKind::Name(text) | TreeKind::Variable(text) | TreeKind::String(text) => Value::Str(text.clone()),
            TreeKind::Number(number) => Value::number(*number),
            TreeKind::Constant(value) => value.clone(),
            TreeKind::Operator(operator) | TreeKind::Binary(operator, ..) => Value::from(*operator),
            TreeKind::End => Value::from("(end)"),
            TreeKind::Wildcard => Value::from("*"),
            TreeKind::Descendants => Value::from("**"),
            TreeKind::Parent => Value::from("%"),
            TreeKind::Negate(_) => Value::from("-"),
            TreeKind::Predicate(..) | TreeKind::Array(_) => Value::from("["),
            TreeKind::OrderBy(..) => Value::from("^"),
            TreeKind::Group(..) | TreeKind::Object(_) => Value::from("{"),
            TreeKind::Bind(..) => Value::from(":="),
            TreeKind::Focus(..) => Value::from("@"),
            TreeKind::Index(..) => Value::from("#"),
            TreeKind::Apply(..) => Value::from("~>"),
            TreeKind::Block(_) | TreeKind::Call { .. } | TreeKind::Lambda { .. } => Value::from("("),
            TreeKind::Condition { .. } => Value::from("?"),
            TreeKind::Elvis { .. } => Value::from("?:"),
            TreeKind::Coalesce { .. } => Value::from("??"),
            TreeKind::Transform { .. } => Value::from("|"),
            TreeKind::Regex(_) => Value::empty_object(),
        }
    }
}

fn flatten(pairs: &[(TreeId, TreeId)]) -> Vec<TreeId> {
    pairs.iter().flat_map(|(key, value)| [*key, *value]).collect()
}
