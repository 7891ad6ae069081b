//! Samples as text recognition returns them, with its typical mistakes.

use super::*;

fn find(text: &str) -> Vec<Finding> {
    findings(&text.lines().collect::<Vec<_>>())
}

fn one(text: &str) -> Finding {
    let found = find(text);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "a finding's location is optional")]
fn location(file: &str, line: u32, column: Option<u32>) -> Option<Location> {
    Some(Location { file: file.into(), line, column })
}

#[test]
fn rustc_with_code_and_location() {
    for head in [
        "error[E0308]: mismatched types",
        "error[E@308]: mismatched types",
        "error [£0308]: mismatched types",
        "error(E03O8}: mismatched types",
    ] {
        let found = one(&format!(
            "{head}\n--> src/main.rs:4:18\n4 let n: u32 = \"seven\";\nerror: aborting due to 1 previous error\nFor more information about this error, try ‘rustc --explain E0308\"."
        ));
        assert_eq!((found.toolchain, found.code.as_str()), (Toolchain::Rust, "E0308"));
        assert_eq!(found.location, location("src/main.rs", 4, Some(18)));
        assert_eq!(found.message, "mismatched types");
        assert_eq!(found.lines, 0..=2);
        assert!(found.explanation.contains("type"));
    }
}

#[test]
fn rustc_without_code() {
    let found = one("error: expected `;`, found `}`\n--> src/lib.rs:10:2");
    assert_eq!((found.toolchain, found.location), (Toolchain::Rust, location("src/lib.rs", 10, Some(2))));
}

#[test]
fn two_rust_errors_are_two() {
    let found = find(
        "error[E0425]: cannot find value `x` in this scope\n --> a.rs:1:1\nerror[E0382]: use of moved value: `v`\n --> b.rs:2:2",
    );
    assert_eq!(found.iter().map(|f| f.code.as_str()).collect::<Vec<_>>(), ["E0425", "E0382"]);
    assert_eq!(found[1].location, location("b.rs", 2, Some(2)));
}

#[test]
fn rust_panics_old_and_new() {
    let new = one(
        "thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds: the len is 3 but the index is 9",
    );
    assert_eq!(new.location, location("src/main.rs", 2, Some(5)));
    assert!(new.message.starts_with("index out of bounds"));
    let old = one("thread 'main' panicked at 'oh no', src/main.rs:3:5");
    assert_eq!((old.location, old.message.as_str()), (location("src/main.rs", 3, Some(5)), "'oh no'"));
}

#[test]
fn gcc_and_javac() {
    let gcc = one(
        "hello.c: In function ‘main’:\nhello.c:3:5: error: ‘x’ undeclared (first use in this function)\n3 | x = 1;",
    );
    assert_eq!((gcc.toolchain, gcc.location), (Toolchain::Compiler, location("hello.c", 3, Some(5))));
    assert!(gcc.explanation.contains("declared"));
    let javac = one("Main.java:7: error: cannot find symbol");
    assert_eq!(javac.location, location("Main.java", 7, None));
    let header = one("a.cpp:1:10: fatal error: nope.h: No such file or directory");
    assert_eq!(header.toolchain, Toolchain::Compiler);
}

#[test]
fn python_traceback() {
    let found = one(
        "Traceback (most recent call last):\nFile \"/home/anna/app.py\", line 12, in <module>\nmain()\nFile “/home/anna/app.py”, line 7, in main\nreturn prices[\"tea\"]\nKeyError: 'tea'",
    );
    assert_eq!((found.toolchain, found.code.as_str()), (Toolchain::Python, "KeyError"));
    assert_eq!(found.location, location("/home/anna/app.py", 7, None));
    assert_eq!((found.message.as_str(), found.lines), ("'tea'", 3..=5));
}

#[test]
fn typescript_in_a_terminal_and_in_an_editor() {
    for line in [
        "src/a.ts(3,5): error TS2322: Type 'string' is not assignable to type 'number'.",
        "src/a.ts:3:5 - error TS2322: Type 'string' is not assignable to type 'number'.",
    ] {
        let found = one(line);
        assert_eq!((found.toolchain, found.code.as_str()), (Toolchain::TypeScript, "TS2322"));
        assert_eq!(found.location, location("src/a.ts", 3, Some(5)));
    }
    assert_eq!(one("Cannot find name 'foo'. ts(2304)").code, "TS2304");
}

#[test]
fn java_and_javascript_exceptions() {
    let java = one(
        "Exception in thread \"main\" java.lang.NullPointerException: Cannot invoke \"String.length()\"\nat com.example.Main.main(Main.java:5)",
    );
    assert_eq!((java.toolchain, java.code.as_str()), (Toolchain::Java, "NullPointerException"));
    assert_eq!(java.location, location("Main.java", 5, None));
    let script = one(
        "Uncaught TypeError: Cannot read properties of undefined (reading 'map')\nat render (/srv/app/list.js:10:13)",
    );
    assert_eq!(
        (script.toolchain, script.location),
        (Toolchain::JavaScript, location("/srv/app/list.js", 10, Some(13)))
    );
}

#[test]
fn go_linker_npm_and_shell() {
    assert_eq!(one("./main.go:5:2: undefined: fmt").toolchain, Toolchain::Go);
    assert_eq!(one("main.c:(.text+0x9): undefined reference to `helper'").toolchain, Toolchain::Linker);
    let npm = one("npm ERR! code ERESOLVE\nnpm ERR! ERESOLVE unable to resolve dependency tree");
    assert_eq!((npm.toolchain, npm.code.as_str(), npm.lines.clone()), (Toolchain::Npm, "ERESOLVE", 0..=1));
    for line in [
        "bash: cargoo: command not found",
        "zsh: command not found: cargoo",
        "bash: line 3: cargoo: command not found",
    ] {
        assert_eq!((one(line).toolchain, one(line).code.as_str()), (Toolchain::Shell, "command not found"));
    }
    assert_eq!(one("cat: notes.txt: No such file or directory").code, "no such file");
    assert_eq!(one("Segmentation fault (core dumped)").code, "segmentation fault");
}

#[test]
fn other_programs() {
    assert_eq!(
        one("fatal: not a git repository (or any of the parent directories): .git").message,
        "not a git repository (or any of the parent directories): .git"
    );
    assert_eq!(one("docker: Error: cannot connect").toolchain, Toolchain::Program);
}

#[test]
fn ordinary_text_is_no_error() {
    for text in [
        "Dear Anna,\nthank you for the report on error handling.\nThe meeting is at 10:30.",
        "fn main() {\n    let error = read().unwrap_err();\n}",
        "0 errors, 0 warnings\nBuild finished in 2.4 s",
        "Inbox (12)   Drafts   Sent",
        "",
    ] {
        assert_eq!(find(text), [], "{text}");
    }
}

#[test]
fn the_same_error_twice_counts_once_and_there_are_never_many() {
    assert_eq!(find("error: disk full\nerror: disk full").len(), 1);
    let many = (0..50).map(|n| format!("error: number {n}\n")).collect::<Vec<_>>().concat();
    assert_eq!(find(&many).len(), 5);
}
