//! What kinds of errors mean: a few fixed words each, about the kind alone.

use super::toolchain::Toolchain;

/// The explanation of this kind of error.
pub(super) fn of(toolchain: Toolchain, code: &str, message: &str) -> &'static str {
    let by_code = match toolchain {
        Toolchain::Rust => rust(code),
        Toolchain::TypeScript => typescript(code),
        Toolchain::Python => python(code),
        Toolchain::Npm => npm(code),
        Toolchain::Java => java(code),
        Toolchain::JavaScript => javascript(code),
        Toolchain::Shell | Toolchain::Program => shell(code),
        Toolchain::Compiler | Toolchain::Go | Toolchain::Linker => None,
    };
    by_code.or_else(|| by_message(message)).unwrap_or_else(|| general(toolchain))
}

fn rust(code: &str) -> Option<&'static str> {
    Some(match code {
        "E0004" => "A `match` does not cover every possible value. Add the missing patterns or a `_` arm.",
        "E0023" | "E0026" | "E0027" => "A pattern does not fit the fields of the type that it takes apart.",
        "E0046" => "An implementation of a trait lacks methods that the trait requires.",
        "E0061" => "A function is called with another number of arguments than it takes.",
        "E0106" => "A reference in a type needs a lifetime that the compiler cannot infer.",
        "E0252" => "Two imports bring the same name into scope. Rename one with `as`.",
        "E0277" => {
            "A type does not implement a trait that is required here. Implement it, or convert the value."
        }
        "E0282" | "E0283" => "The compiler cannot infer a type. Write it down where the value is made.",
        "E0308" => {
            "The value has another type than the place where it is used expects. Convert the value, or change the expected type."
        }
        "E0369" => "An operator is used on a type that does not define it.",
        "E0373" => "A closure may live longer than what it borrows. `move` lets it own the values.",
        "E0382" => "A value is used after it was moved away. Borrow it, clone it, or use it before the move.",
        "E0384" => "A variable is assigned twice without being declared `mut`.",
        "E0423" | "E0425" => {
            "A name is used that is not in scope here. Check the spelling, declare it, or import it."
        }
        "E0432" | "E0433" => {
            "A path or import leads nowhere. Check the name, the `use` line and the dependencies."
        }
        "E0499" => {
            "A value is borrowed mutably twice at the same time. End the first borrow before the second begins."
        }
        "E0502" => "A value is borrowed mutably while another borrow of it is still in use.",
        "E0505" => "A value is moved away while it is still borrowed.",
        "E0507" => "A value is moved out of something that is only borrowed. Clone it, or take a reference.",
        "E0515" => {
            "A function returns a reference to something that ends with the function. Return the value itself."
        }
        "E0560" | "E0609" => "A field is named that the type does not have.",
        "E0596" => "Something is changed that was not declared or borrowed as mutable.",
        "E0597" | "E0716" => {
            "A borrowed value ends while a reference to it is still used. Keep it alive longer."
        }
        "E0599" => {
            "A method or function is called that the type does not have. Check the name, and whether a trait must be imported."
        }
        "E0603" | "E0616" => "Something private is used from outside its module.",
        "panic" => "The program gave up at run time because something that it took for granted did not hold.",
        _ => return None,
    })
}

fn typescript(code: &str) -> Option<&'static str> {
    Some(match code {
        "TS1005" | "TS1109" | "TS1128" => {
            "The source does not follow the grammar here: a sign is missing or one too many."
        }
        "TS2304" | "TS2552" => "A name is used that is not declared or imported here.",
        "TS2307" => {
            "A module cannot be found. Check the path, and whether the package and its types are installed."
        }
        "TS2322" => {
            "The value has another type than the place it is assigned to. Convert the value, or change the declared type."
        }
        "TS2339" | "TS2551" => "A property is used that the type does not have.",
        "TS2345" => "An argument has another type than the parameter.",
        "TS2554" => "A function is called with another number of arguments than it takes.",
        "TS2531" | "TS2532" | "TS18047" | "TS18048" => {
            "The value may be null or undefined here. Check it first."
        }
        "TS2741" | "TS2739" => "Properties that the type requires are missing.",
        "TS7006" | "TS7031" => "A parameter has no type, and strict mode wants one.",
        _ => return None,
    })
}

fn python(code: &str) -> Option<&'static str> {
    Some(match code {
        "AssertionError" => "An `assert` did not hold.",
        "AttributeError" => {
            "An attribute or method is used that the object does not have. Often the object is `None` or of another type than expected."
        }
        "FileNotFoundError" => {
            "A file or folder is not where the program looks for it. Check the path and the working folder."
        }
        "ImportError" | "ModuleNotFoundError" => {
            "A module cannot be imported. Check the name, and whether the package is installed in this environment."
        }
        "IndentationError" | "TabError" => "The indentation of the lines does not fit together.",
        "IndexError" => "A list is read at a position that it does not have.",
        "KeyError" => {
            "A dictionary is asked for a key that it does not have. Check the key, or use `.get()`."
        }
        "KeyboardInterrupt" => "The program was stopped from the keyboard.",
        "NameError" | "UnboundLocalError" => {
            "A name is used before it has a value here. Check the spelling and where it is assigned."
        }
        "PermissionError" => "The program may not read or write this file.",
        "RecursionError" => "A function calls itself without coming to an end.",
        "SyntaxError" => "The source does not follow Python's grammar here, or in the line before.",
        "TypeError" => "An operation or call got a value of a type that it cannot work with.",
        "UnicodeDecodeError" => "Bytes are read as text in another encoding than they were written in.",
        "ValueError" => "A value has the right type but not a content that the function can take.",
        "ZeroDivisionError" => "A number is divided by zero.",
        _ => return None,
    })
}

fn java(code: &str) -> Option<&'static str> {
    Some(match code {
        "ArrayIndexOutOfBoundsException" | "IndexOutOfBoundsException" => {
            "A list or array is read at a position that it does not have."
        }
        "ClassCastException" => "An object is treated as a type that it is not.",
        "ClassNotFoundException" | "NoClassDefFoundError" => {
            "A class is missing at run time. Check the class path and the dependencies."
        }
        "NullPointerException" => {
            "Something is used that is `null`. The first line of the trace in your own code shows where."
        }
        "NumberFormatException" => "A text that is no number is read as one.",
        "OutOfMemoryError" => "The program needs more memory than it was given.",
        _ => return None,
    })
}

fn javascript(code: &str) -> Option<&'static str> {
    Some(match code {
        "RangeError" => "A value is outside what is allowed; often a function calls itself without end.",
        "ReferenceError" => "A name is used that is not declared here.",
        "SyntaxError" => "The source, or a text read as JSON, does not follow the grammar.",
        "TypeError" => "A value is not of the kind that is needed here; often it is undefined or null.",
        _ => return None,
    })
}

fn npm(code: &str) -> Option<&'static str> {
    Some(match code {
        "E404" => "A package or version is not in the registry. Check its name and version.",
        "EACCES" | "EPERM" => "npm may not write where it wants to. Check who owns the folder.",
        "ECONNREFUSED" | "ENOTFOUND" | "ETIMEDOUT" | "ECONNRESET" => {
            "The registry could not be reached. Check network and proxy."
        }
        "ELIFECYCLE" => "A script of the package failed. The lines above this say why.",
        "ENOENT" => "A file is missing, often `package.json`. Check the folder that npm was started in.",
        "ERESOLVE" => {
            "Two packages ask for versions of a third that exclude each other. Change one of the versions."
        }
        _ => return None,
    })
}

fn shell(code: &str) -> Option<&'static str> {
    Some(match code {
        "command not found" => {
            "The shell knows no program of this name. Check the spelling, whether it is installed, and PATH."
        }
        "no such file" => {
            "The path does not exist, as seen from the current folder. Check the spelling and where you are."
        }
        "permission denied" => "You may not read, write or run this. Check its owner and mode.",
        "segmentation fault" => {
            "The program touched memory that is not its own and was stopped. A debugger shows where."
        }
        _ => return None,
    })
}

fn by_message(message: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 12] = [
        ("undeclared", "A name is used that was not declared. Check the spelling and the headers."),
        ("was not declared", "A name is used that was not declared. Check the spelling and the headers."),
        ("undefined:", "A name is used that is not declared or imported here."),
        (
            "undefined reference",
            "A function or variable is declared but nowhere defined in what is linked. Add the source file or the library.",
        ),
        ("cannot find symbol", "A name is used that is not declared or imported here."),
        (
            "expected",
            "The source does not follow the grammar here, or just before: something is missing or one too many.",
        ),
        ("no such file", "A file that is needed is not there. Check the path."),
        ("permission denied", "You may not read, write or run this. Check its owner and mode."),
        ("connection refused", "Nothing listens at that address and port. Check that the service runs."),
        ("timed out", "The other side did not answer in time. Check network and address."),
        ("address already in use", "Another program already listens on this port."),
        (
            "not a git repository",
            "This folder, and those above it, are no Git repository. Change to the right folder.",
        ),
    ];
    let message = message.to_lowercase();
    WORDS.iter().find(|(words, _)| message.contains(words)).map(|(_, meaning)| *meaning)
}

fn general(toolchain: Toolchain) -> &'static str {
    match toolchain {
        Toolchain::Compiler | Toolchain::Go | Toolchain::Rust | Toolchain::TypeScript => {
            "The compiler does not accept the source at this place. Correct the first error first: later ones often follow from it."
        }
        Toolchain::Java | Toolchain::JavaScript | Toolchain::Python => {
            "The program stopped at an exception that nothing caught. The place named is where it was raised."
        }
        Toolchain::Linker => "The parts of the program do not fit together when they are linked.",
        Toolchain::Npm => "npm could not finish. Its first line names the cause.",
        Toolchain::Program | Toolchain::Shell => "The program reports that it could not do what was asked.",
    }
}
