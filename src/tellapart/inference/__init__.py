"""What a model's answer is: preprocessing, CTC decoding, bundle, predictor, saliency, client. No torch."""
