"""The ids of the planner's vocabulary that have a meaning of their own, to the number. No torch.

Text stands below, then the control tokens, then a slot for each of 65,535 audio codes, of which the first 64,000 are in use.
"""

END_OF_TEXT, TURN, END_OF_TURN = 151_643, 151_644, 151_645
"""`<|endoftext|>`, which pads; `<|im_start|>`; `<|im_end|>`, which ends an answer."""
THINK, END_OF_THINKING = 151_667, 151_668
"""`<think>` and `</think>`: between them stands the metadata."""
FIRST_CODE = 151_669
CODES, CODE_SLOTS = 64_000, 65_535
VOCABULARY = FIRST_CODE + CODE_SLOTS
"""217,204 rows."""
CODES_A_SECOND = 5
LATENTS_A_CODE = 5
"""Frames of latents, 25 a second, that one code tells."""
CONTROL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>",
    "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>",
    "<think>", "</think>",
)  # fmt: skip
"""The texts of the ids from `END_OF_TEXT` on."""


def code_text(code: int) -> str:
    """How a code is written in a prompt."""
    return f"<|audio_code_{code}|>"
