"""Writes a tiny model file for tests against a real llama.cpp server.

Usage: python tiny_gguf.py PATH      (needs the packages `gguf` and `numpy`)

The model has llama's architecture, random but repeatable weights, and a tokenizer of single bytes with a few words.
It speaks noise at once and on any machine: it is for protocol, streaming, cancelling and load, never for content. The
noise is printable ASCII without an end, so that servers, which hold back bytes that are no whole character, stream it.
"""

import os
import sys

import gguf
import numpy as np

LAYERS = 2
WIDTH = 64
FEED_FORWARD = 128
HEADS = 4
CONTEXT = 8192
WORDS = "the screen shows an error in your code and you can fix it by hand".split()
CHAT_TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


def tokens():
    """Token texts, scores and types. Control tokens first, then all bytes, then words (`▁` is the space)."""
    kinds = gguf.TokenType
    special = [("<unk>", 0.0, kinds.UNKNOWN), ("<s>", 0.0, kinds.CONTROL), ("</s>", 0.0, kinds.CONTROL)]
    single = [(f"<0x{byte:02X}>", -1000.0, kinds.BYTE) for byte in range(256)]
    words = [("\u2581" + word, -float(rank), kinds.NORMAL) for rank, word in enumerate(dict.fromkeys(WORDS))]
    return special + single + words


def never_said(text):
    """Control tokens and bytes that are not printable ASCII or a line feed."""
    if not text.startswith("<"):
        return False
    return not text.startswith("<0x") or not (chr(int(text[3:5], 16)) == "\n" or 0x20 <= int(text[3:5], 16) < 0x7F)


def tensors(texts, random):
    """Names and values of all weights, with llama.cpp's names."""

    def noise(*shape):
        return (random.standard_normal(shape) * 0.3).astype(np.float32)

    ones = np.ones(WIDTH, np.float32)
    yield "token_embd.weight", noise(len(texts), WIDTH)
    output = noise(len(texts), WIDTH)
    # A token without weights has a middling score, and the usual sampling takes the best ones only.
    output[[never_said(text) for text in texts]] = 0
    yield "output.weight", output
    yield "output_norm.weight", ones
    shapes = {
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (WIDTH, WIDTH),
        "attn_v": (WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (FEED_FORWARD, WIDTH),
        "ffn_up": (FEED_FORWARD, WIDTH),
        "ffn_down": (WIDTH, FEED_FORWARD),
    }
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            yield f"blk.{layer}.{name}.weight", noise(*shape)
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{name}.weight", ones


def write(path):
    texts, scores, types = zip(*tokens())
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(len(texts))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(list(texts))
    writer.add_token_scores(list(scores))
    writer.add_token_types(list(types))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(CHAT_TEMPLATE)
    for name, value in tensors(texts, np.random.default_rng(1)):
        writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    # A half-written file never stands under the final name.
    write(sys.argv[1] + ".part")
    os.replace(sys.argv[1] + ".part", sys.argv[1])
