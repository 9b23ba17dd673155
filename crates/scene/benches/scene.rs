//! (filled with the first full version)
fn main() {
    divan::main();
}
