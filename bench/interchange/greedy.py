"""Opens a run or model folder with Hugging Face's transformers and continues a prompt greedily:

    python bench/interchange/greedy.py runs/nano/best "Once upon a time"

The text is that of: npm run sample -- --run runs/nano --prompt "Once upon a time" --greedy --tokens 40
Needs torch and transformers, 4.51 or newer for Qwen3.
"""

import sys

from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

if len(sys.argv) != 3:
    sys.exit("expected a folder with config.json, model.safetensors and tokenizer.json, and a prompt")
folder, prompt = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(folder)
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
ids = tokenizer(prompt, return_tensors="pt").input_ids
continued = model.generate(ids, max_new_tokens=40, do_sample=False)
print(tokenizer.decode(continued[0]))
