//! The compilers and programs whose errors are recognised.

/// What reported the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Toolchain {
    Compiler,
    Go,
    Java,
    JavaScript,
    Linker,
    Npm,
    Program,
    Python,
    Rust,
    Shell,
    TypeScript,
}

impl Toolchain {
    /// As in "An error of …".
    pub fn label(self) -> &'static str {
        match self {
            Self::Compiler => "a compiler",
            Self::Go => "the Go compiler",
            Self::Java => "a Java program",
            Self::JavaScript => "a JavaScript program",
            Self::Linker => "the linker",
            Self::Npm => "npm",
            Self::Program => "a program",
            Self::Python => "a Python program",
            Self::Rust => "Rust",
            Self::Shell => "the shell",
            Self::TypeScript => "the TypeScript compiler",
        }
    }
}
