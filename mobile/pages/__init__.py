"""The pages of the phone: plain forms and links; every one works with scripts off."""
