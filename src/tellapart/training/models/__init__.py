"""The networks: plain modules from float pictures to logits."""
