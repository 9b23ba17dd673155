//! Wire names as Rust names.

/// `RPCServerIP` becomes `rpc_server_ip`: an underscore before a capital that follows a small letter or digit, or
/// that begins a word after an abbreviation.
pub(crate) fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (i, &c) in chars.iter().enumerate() {
        let after_word = i > 0 && !chars[i - 1].is_uppercase();
        let before_word = i > 0 && chars.get(i + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && (after_word || before_word) {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

/// The same, made an identifier where it is a word of the language.
pub(crate) fn field(name: &str) -> String {
    const KEYWORDS: [&str; 10] =
        ["type", "final", "override", "ref", "box", "loop", "match", "move", "use", "priv"];
    let name = snake(name);
    if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name }
}
