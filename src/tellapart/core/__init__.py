"""What every room stands on: errors, atomic files, decoding images, parallel maps, progress."""
